#include "living.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "path.h"
#include "sys.h"

enum { UNKNOWN, DEAD, ALIVE };

int
living_init(struct living *l, const struct plan *plan, auditq_error *err)
{
	l->plan = plan;
	if ((l->state = calloc(plan->catalog.n + 1, sizeof *l->state)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "writers");
	return 0;
}

void
living_release(struct living *l)
{
	free(l->state);
	l->state = NULL;
}

/* The path of the writer's ring, to be freed: a segment lies in a partition of the root. */
static char *
ring_of(const struct catalog_file *f)
{
	const char *slash = strrchr(f->path, '/');
	char name[PATH_NAME_MAX], *path;

	if (f->kind == CATALOG_RING)
		return strdup(f->path);
	path_ring(name, f->writer);
	if (asprintf(&path, "%.*s../" PATH_RING_DIR "/%s",
		slash == NULL ? 0 : (int)(slash + 1 - f->path), f->path, name) < 0)
		return NULL;
	return path;
}

/* A shared lock is refused as long as a writer holds its own, and hinders no other reader. */
static bool
is_locked(const char *path)
{
	int fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	bool locked;

	if (fd < 0)
		return false;
	locked = sys->flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	(void)sys->close(fd);
	return locked;
}

bool
living_writer(struct living *l, size_t file)
{
	const struct plan_file *f = &l->plan->file[file];
	uint8_t state = __atomic_load_n(&l->state[file], __ATOMIC_RELAXED);
	char *ring;

	if (state == UNKNOWN) {
		state = DEAD;
		if (f->in->writer[0] != '\0' && !f->compacted &&
		    (ring = ring_of(f->in)) != NULL) {
			state = is_locked(ring) ? ALIVE : DEAD;
			free(ring);
		}
		__atomic_store_n(&l->state[file], state, __ATOMIC_RELAXED);
	}
	return state == ALIVE;
}
