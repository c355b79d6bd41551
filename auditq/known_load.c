#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "known.h"
#include "nearest.h"
#include "schema_text.h"
#include "sys.h"

/* Far more than any schema says. */
#define FILE_MAX ((size_t)64 << 10)

static int
no_such(const char *name, int os_errno, auditq_error *err)
{
	struct nearest near;
	char names[200];
	size_t n = 0;

	nearest_init(&near, name, strlen(name));
	for (size_t i = 0; known_at(i) != NULL; i++) {
		const char *next = known_at(i)->name;
		size_t len = strlen(next);

		nearest_offer(&near, next, len);
		if (n + len + 3 > sizeof names)
			break;
		memcpy(names + n, ", ", i > 0 ? 2 : 0);
		n += i > 0 ? 2 : 0;
		memcpy(names + n, next, len);
		n += len;
	}
	if (os_errno == ENOENT && near.name[0] != '\0')
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL,
		    "no schema, and no file, is called '%.60s'; did you mean %s?", name,
		    near.name);
	if (os_errno == ENOENT)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL,
		    "no schema, and no file, is called '%.60s': %.*s", name, (int)n, names);
	return qerror_set(err, AUDITQ_EINVAL, os_errno, name, "cannot read the schema");
}

static int
parse(const char *path, const char *text, size_t n, struct schema *out, auditq_error *err)
{
	struct schema_fault fault;

	if (schema_read_text(text, n, out, &fault) == 0)
		return 0;
	if (fault.nmember == 0)
		return qerror_set(err, AUDITQ_EINVAL, 0, path, "not a schema: %s", fault.why);
	return qerror_set(err, AUDITQ_EINVAL, 0, path, "not a schema: \"%.*s\": %s",
	    (int)fault.nmember, fault.member, fault.why);
}

static int
read_file(const char *path, char *text, size_t *n, auditq_error *err)
{
	int fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	ssize_t got;
	int why;

	if (fd < 0)
		return no_such(path, errno, err);
	got = sys_pread_all(fd, text, FILE_MAX, 0);
	why = errno;
	(void)sys->close(fd);
	if (got < 0)
		return no_such(path, why, err);
	if ((size_t)got == FILE_MAX)
		return qerror_set(err, AUDITQ_EINVAL, 0, path, "too long for a schema");
	*n = (size_t)got;
	return 0;
}

int
known_load(const char *name_or_file, struct schema *out, auditq_error *err)
{
	const struct known *known = known_find(name_or_file);
	char *text;
	size_t n = 0;
	int r;

	if (known != NULL) {
		known_schema(known, out);
		return 0;
	}
	if ((text = malloc(FILE_MAX)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "schema");
	if ((r = read_file(name_or_file, text, &n, err)) == 0)
		r = parse(name_or_file, text, n, out, err);
	free(text);
	return r;
}

int
auditq_known_schema(size_t i, const char **name, const char **about, const char **json)
{
	const struct known *known = known_at(i);

	if (known == NULL)
		return AUDITQ_ENOENT;
	if (name != NULL)
		*name = known->name;
	if (about != NULL)
		*about = known->about;
	if (json != NULL)
		*json = known->text;
	return 0;
}
