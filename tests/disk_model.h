/*
 * disk_model - what a disk may hold after a loss of power, from a trace.
 *
 * Only what was synced is certain: the content of a file by fsync of it, names in a directory by fsync of that.
 * Of the rest anything may be there: each change of a name by itself, each 512 bytes of a file by themselves, new,
 * old or zero.
 */
#ifndef DISK_MODEL_H
#define DISK_MODEL_H

#include "draw.h"
#include "trace.h"

#define DISK_NODES   512
#define DISK_NAMES   512
#define DISK_CHANGES 64
#define DISK_SECTOR  512

struct disk_node {
	uint64_t ino;
	bool dir, dirty;
	char *stable, *now;
	size_t nstable, nnow;
};

struct disk_name {
	size_t dir, node;
	char name[96];
};

struct disk_names {
	size_t n;
	struct disk_name name[DISK_NAMES];
};

/* One that is not synced: a name goes, a name comes, or both at once. */
struct disk_change {
	size_t dir; /* whose fsync makes it certain */
	bool goes, comes;
	struct disk_name old, new;
};

struct disk {
	size_t nnodes, nchanges;
	struct disk_node node[DISK_NODES];
	struct disk_names stable, now;
	struct disk_change change[DISK_CHANGES];
};

/* What becomes of unsynced content. */
enum disk_content {
	DISK_OLD,  /* nothing of it is there */
	DISK_NEW,  /* all of it */
	DISK_ZERO, /* the length is, the bytes are not */
	DISK_CUT,  /* up to some sector */
	DISK_LATE, /* the last sector, and none before */
	DISK_SOME, /* each sector by itself */
	DISK_CONTENTS
};

struct disk_loss {
	uint64_t kept; /* of the changes of names, a bit for each */
	enum disk_content content;
	uint64_t seed;
};

/* ---- the names ---- */

static inline size_t
disk_find(const struct disk_names *names, size_t dir, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->name[i].dir == dir && strcmp(names->name[i].name, name) == 0)
			return i;
	return SIZE_MAX;
}

static inline void
disk_forget(struct disk_names *names, const struct disk_name *old)
{
	const size_t i = disk_find(names, old->dir, old->name);

	if (i != SIZE_MAX)
		names->name[i] = names->name[--names->n];
}

static inline void
disk_apply(struct disk_names *names, const struct disk_change *c)
{
	if (c->goes)
		disk_forget(names, &c->old);
	if (!c->comes)
		return;
	disk_forget(names, &c->new);
	if (names->n == DISK_NAMES)
		abort();
	names->name[names->n++] = c->new;
}

static inline void
disk_change(struct disk *d, const struct disk_change *c)
{
	if (d->nchanges == DISK_CHANGES)
		abort();
	d->change[d->nchanges++] = *c;
	disk_apply(&d->now, c);
}

static inline void
disk_sync_names(struct disk *d, size_t dir)
{
	size_t left = 0;

	for (size_t i = 0; i < d->nchanges; i++)
		if (d->change[i].dir == dir)
			disk_apply(&d->stable, &d->change[i]);
		else
			d->change[left++] = d->change[i];
	d->nchanges = left;
}

/* ---- operations ---- */

/* The node of an inode; numbers are used again, the newest has it. */
static inline size_t
disk_node(const struct disk *d, uint64_t ino)
{
	for (size_t i = d->nnodes; i-- > 0;)
		if (d->node[i].ino == ino)
			return i;
	return SIZE_MAX;
}

static inline size_t
disk_make(struct disk *d, uint64_t ino, bool dir)
{
	if (d->nnodes == DISK_NODES)
		abort();
	d->node[d->nnodes] = (struct disk_node){ .ino = ino, .dir = dir };
	return d->nnodes++;
}

static inline void
disk_size(struct disk_node *node, size_t n)
{
	if (n > node->nnow) {
		if ((node->now = realloc(node->now, n)) == NULL)
			abort();
		memset(node->now + node->nnow, 0, n - node->nnow);
	}
	node->nnow = n;
	node->dirty = true;
}

static inline void
disk_sync_content(struct disk_node *node)
{
	free(node->stable);
	if ((node->stable = malloc(node->nnow + 1)) == NULL)
		abort();
	if (node->nnow > 0)
		memcpy(node->stable, node->now, node->nnow);
	node->nstable = node->nnow;
	node->dirty = false;
}

static inline void
disk_name_op(struct disk *d, const struct trace_op *op)
{
	struct disk_change c = { 0 };
	size_t at;

	if ((c.dir = disk_node(d, op->dir)) == SIZE_MAX)
		return; /* outside */
	c.old.dir = c.new.dir = c.dir;
	(void)strcpy(c.old.name, op->name);
	(void)strcpy(c.new.name, op->name);
	c.goes = op->kind == TRACE_RENAME || op->kind == TRACE_UNLINK;
	c.comes = op->kind != TRACE_UNLINK;
	if (op->kind == TRACE_CREATE || op->kind == TRACE_MKDIR) {
		c.new.node = disk_make(d, op->ino, op->kind == TRACE_MKDIR);
	} else if (op->kind == TRACE_LINK) {
		c.new.node = disk_node(d, op->ino);
	} else if (op->kind == TRACE_RENAME) {
		if ((at = disk_find(&d->now, c.dir, op->name)) == SIZE_MAX)
			abort();
		c.new.node = d->now.name[at].node;
		c.new.dir = c.dir = disk_node(d, op->todir);
		(void)strcpy(c.new.name, op->to);
	}
	disk_change(d, &c);
}

static inline void
disk_op(struct disk *d, const struct trace_op *op)
{
	const size_t at = op->ino != 0 ? disk_node(d, op->ino) : SIZE_MAX;
	struct disk_node *node = at != SIZE_MAX ? &d->node[at] : NULL;

	switch (op->kind) {
	case TRACE_CREATE:
	case TRACE_MKDIR:
	case TRACE_RENAME:
	case TRACE_LINK:
	case TRACE_UNLINK: disk_name_op(d, op); break;
	case TRACE_WRITE:
	case TRACE_RING:
		if (node == NULL)
			break;
		if (op->off + op->n > node->nnow)
			disk_size(node, op->off + op->n);
		memcpy(node->now + op->off, op->data, op->n);
		node->dirty = true;
		break;
	case TRACE_TRUNCATE:
		if (node != NULL)
			disk_size(node, op->off);
		break;
	case TRACE_SYNC:
		if (node != NULL && node->dir)
			disk_sync_names(d, at);
		else if (node != NULL)
			disk_sync_content(node);
		break;
	case TRACE_DURABLE: break;
	}
}

/* A disk with one directory, which the trace knows. */
static inline struct disk *
disk_new(const char *path)
{
	struct disk *d = calloc(1, sizeof *d);
	struct stat st;

	if (d == NULL || stat(path, &st) < 0)
		abort();
	(void)disk_make(d, st.st_ino, true);
	return d;
}

static inline void
disk_free(struct disk *d)
{
	for (size_t i = 0; i < d->nnodes; i++) {
		free(d->node[i].stable);
		free(d->node[i].now);
	}
	free(d);
}

/* ---- the loss of power ---- */

static inline bool
disk_sector_kept(const struct disk_loss *loss, uint64_t seed, size_t sector, size_t sectors)
{
	switch (loss->content) {
	case DISK_NEW: return true;
	case DISK_CUT: return sector < seed % (sectors + 1);
	case DISK_LATE: return sector + 1 == sectors;
	case DISK_SOME: return draw_mix(seed + sector) % 2 == 0;
	default: return false;
	}
}

/* What a file holds then; to be freed. */
static inline char *
disk_content(const struct disk_node *node, const struct disk_loss *loss, size_t *n)
{
	const uint64_t seed = draw_mix(loss->seed ^ node->ino);
	const size_t most = node->nnow > node->nstable ? node->nnow : node->nstable,
		     sectors = (most + DISK_SECTOR - 1) / DISK_SECTOR;
	char *p = calloc(1, most + 1);
	size_t end = 0;

	if (p == NULL)
		abort();
	if (node->nstable > 0)
		memcpy(p, node->stable, node->nstable);
	*n = node->nstable;
	if (!node->dirty || loss->content == DISK_OLD)
		return p;
	for (size_t s = 0; s < sectors; s++) {
		const size_t from = s * DISK_SECTOR,
			     left = node->nnow > from ? node->nnow - from : 0;
		const size_t len = left < DISK_SECTOR ? left : DISK_SECTOR;

		if (len == 0 || !disk_sector_kept(loss, seed, s, sectors))
			continue;
		memcpy(p + from, node->now + from, len);
		end = from + len;
	}
	*n = node->nnow;
	/* A length that is behind the content, or one that was not cut yet. */
	if (loss->content == DISK_CUT || (loss->content == DISK_SOME && seed % 3 == 0))
		*n = end > node->nstable ? end : node->nstable;
	return p;
}

static inline void
disk_hash(uint64_t *hash, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*hash = (*hash ^ (unsigned char)p[i]) * UINT64_C(1099511628211);
	*hash = draw_mix(*hash ^ n);
}

static inline void
disk_put_file(const char *path, const char *p, size_t n)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0640);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	(void)close(fd);
}

static inline void
disk_put_dir(const char *path, const struct disk *d, const struct disk_names *names, size_t dir,
    const struct disk_loss *loss, uint64_t *hash)
{
	char below[SCRATCH_MAX + 300];

	for (size_t i = 0; i < names->n; i++) {
		const struct disk_name *e = &names->name[i];
		const struct disk_node *node = &d->node[e->node];

		if (e->dir != dir)
			continue;
		(void)snprintf(below, sizeof below, "%s/%s", path, e->name);
		disk_hash(hash, e->name, strlen(e->name));
		if (!node->dir) {
			size_t n;
			char *p = disk_content(node, loss, &n);

			disk_hash(hash, p, n);
			if (path[0] != '\0')
				disk_put_file(below, p, n);
			free(p);
		} else {
			if (path[0] != '\0' && mkdir(below, 0750) < 0)
				abort();
			disk_put_dir(
			    path[0] != '\0' ? below : "", d, names, e->node, loss, hash);
		}
	}
}

/* Put what is left below an empty directory, or nowhere if that is ""; a hash of it. */
static inline uint64_t
disk_put(const char *path, const struct disk *d, const struct disk_loss *loss)
{
	struct disk_names *names = malloc(sizeof *names);
	uint64_t hash = 0;

	if (names == NULL)
		abort();
	*names = d->stable;
	for (size_t i = 0; i < d->nchanges; i++)
		if ((loss->kept >> i & 1) != 0)
			disk_apply(names, &d->change[i]);
	disk_put_dir(path, d, names, 0, loss, &hash);
	free(names);
	return hash;
}

#endif
