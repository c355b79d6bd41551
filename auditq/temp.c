#include "temp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "sys.h"

/* A new name below dir, gone again as soon as it is open. */
static int
open_below(const char *dir, auditq_error *err)
{
	char name[512];
	uint8_t id[8];
	int fd;

	if (sys->getrandom(id, sizeof id) < 0 ||
	    snprintf(name, sizeof name, "%s/auditq-%016llx", dir,
		(unsigned long long)get_le64(id)) >= (int)sizeof name)
		return qerror_set(err, AUDITQ_EIO, errno, dir, "no name for a temporary file");
	fd = sys->openat(AT_FDCWD, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return qerror_set(err, AUDITQ_EIO, errno, name, "cannot make a temporary file");
	if (sys->unlinkat(AT_FDCWD, name, 0) < 0) {
		int e = errno;

		(void)sys->close(fd);
		return qerror_set(err, AUDITQ_EIO, e, name, "cannot unlink a temporary file");
	}
	return fd;
}

int
temp_open(auditq_error *err)
{
	const char *dir = secure_getenv("TMPDIR");

	return open_below(dir == NULL || dir[0] == '\0' ? "/tmp" : dir, err);
}
