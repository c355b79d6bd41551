#include "recover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "inventory.h"
#include "record.h"
#include "resume.h"
#include "ring.h"
#include "seal.h"
#include "trail.h"

#define UNNAMED_S 60 /* nobody takes longer to make a ring, or to remove one */

struct state {
	const struct recover_options *opt;
	struct recover_result *res;
	int rings; /* <root>/.ring, or -1 where there is none */
};

static void
warn(const struct state *st, const alog_error *err)
{
	if (st->opt->warn != NULL)
		st->opt->warn(st->opt->arg, err);
}

static bool
cancelled(const struct state *st)
{
	return st->opt->cancel != NULL && atomic_load(st->opt->cancel);
}

/* ---- replaying a ring ---- */

struct replay {
	struct trail trail;
	struct record_base base; /* of gap records: the dead writer's identity */
	struct record_identity identity;
	uint64_t from; /* newest seq that stands in a file */
};

/*
 * A gap record in place of lost ones.  Its number is the last of theirs, so that whoever comes back after
 * a recovery that was killed here finds the whole gap told.
 */
static int
put_gap(struct replay *rp, uint64_t seq, uint64_t lost, const char *reason, int64_t ts,
    alog_error *err)
{
	char line[1024];
	struct jbuf out = { line, 0, sizeof line };
	struct ring_record rec = { .seq = seq, .p = line };

	record_gap(&rp->base, ts, lost, reason, &out, &rec.splice);
	rec.len = (uint32_t)out.len;
	return trail_put(&rp->trail, &rec, err);
}

/* The time of an encoded record, for the gap next to it. */
static int64_t
time_of(const struct ring_record *rec, int64_t otherwise)
{
	int64_t ts;

	if (rec->len < 7 + CLOCK_LENGTH ||
	    clock_parse(rec->p + 7, CLOCK_LENGTH, &ts, NULL, NULL) < 0)
		return otherwise;
	return ts;
}

/* The committed records behind *next, holes as gap records. */
static int
put_committed(struct replay *rp, const struct ring_copy *ring, int64_t now, uint64_t *next,
    struct recover_result *res, alog_error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ring->n; i++) {
		const struct ring_record *rec = &ring->rec[i];

		if (rec->seq < *next)
			continue;
		if (rec->seq > *next) {
			res->torn += rec->seq - *next;
			rc = put_gap(
			    rp, rec->seq - 1, rec->seq - *next, "torn", time_of(rec, now), err);
		}
		if (rc == 0)
			rc = trail_put(&rp->trail, rec, err);
		if (rc == 0 && rp->trail.nbatch >= TRAIL_BATCH)
			rc = trail_flush(&rp->trail, err);
		res->records += rc == 0;
		*next = rec->seq + 1;
	}
	return rc;
}

/* Everything that the ring knows of and no file holds. */
static int
put_records(struct replay *rp, const struct ring_copy *ring, struct recover_result *res,
    alog_error *err)
{
	const uint64_t head = ring->head_seq;
	uint64_t next = (rp->from > ring->tail_seq ? rp->from : ring->tail_seq) + 1;
	int64_t now = 0;
	int rc;

	(void)sys->realtime(&now);
	if ((rc = put_committed(rp, ring, now, &next, res, err)) < 0)
		return rc;
	if (next <= head) {
		const char *why = ring->this_boot ? "torn" : "reboot";

		res->torn += head - next + 1;
		if ((rc = put_gap(rp, head, head - next + 1, why, now, err)) < 0)
			return rc;
		next = head + 1;
	}
	/* A number above the head's can only be that of this gap, told by a recovery before. */
	if (ring->lost > 0 && next == head + 1 &&
	    (rc = put_gap(rp, next, ring->lost, "overflow", now, err)) < 0)
		return rc;
	return trail_finish(&rp->trail, err);
}

static int
replay(const struct state *st, const struct ring_copy *ring, const struct inventory *inv,
    alog_error *err)
{
	struct replay rp = { .trail = { .root = st->opt->root,
				 .service = ring->owner.service,
				 .writer = ring->owner.writer,
				 .segment_bytes = st->opt->segment_bytes,
				 .seg = SEGMENT_NONE } };
	struct resume files;
	int rc;

	record_identify(&rp.identity, ring->owner.service, ring->owner.host, ring->owner.pid);
	rp.base = (struct record_base){
		.run = "", .stage = "", .bound = "", .identity = &rp.identity
	};
	rp.trail.base = &rp.base;
	if ((rc = resume_open(&files, st->opt->root, inv->item, inv->n, err)) < 0)
		return rc;
	st->res->torn += files.torn;
	rp.from = files.seq;
	rp.trail.seg = files.seg;
	rp.trail.number = files.number;
	rp.trail.written_seq = rp.trail.durable_seq = rp.from;
	rc = trail_init(&rp.trail, err);
	/* What a dead process wrote may not be durable yet. */
	if (rc == 0 && rp.trail.seg.fd >= 0)
		rc = segment_sync(&rp.trail.seg, st->opt->root, err);
	if (rc == 0)
		rc = put_records(&rp, ring, st->res, err);
	trail_close(&rp.trail);
	return rc;
}

/* ---- sealing ---- */

/* Seal one writer's plain segments, oldest first; remove what a killed seal left behind. */
static int
seal_all(const struct state *st, const char *writer, alog_error *err)
{
	struct seal_options so = { .gzip_level = st->opt->gzip_level,
		.mode = st->opt->root->file_mode,
		.cancel = st->opt->cancel };
	struct format_footer total;
	struct inventory inv;
	uint8_t digest[32] = { 0 };
	int rc, dirfd;

	if ((rc = inventory_list(&inv, st->opt->root, writer, NULL, err)) < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < inv.n && !cancelled(st); i++) {
		const struct inventory_item *item = &inv.item[i];

		if (item->id.kind == PATH_SEALED) {
			if (resume_footer(st->opt->root, item, &total, NULL) == 0)
				memcpy(digest, total.whole, sizeof digest);
			continue;
		}
		if ((dirfd = segment_open_partition(st->opt->root, item->day)) < 0) {
			rc = error_set(
			    err, ALOG_EIO, errno, item->name, "cannot open its partition");
			break;
		}
		if (resume_sealed(st->opt->root, inv.item, i)) {
			/* Who sealed it may have died before the archive's name was durable. */
			if (sys_sync_dir(dirfd) < 0)
				rc = error_set(
				    err, ALOG_EIO, errno, item->name, "fsync of its directory");
			else if (sys->unlinkat(dirfd, item->name, 0) < 0)
				rc = error_set(
				    err, ALOG_EIO, errno, item->name, "cannot remove");
		} else if (st->opt->seal) {
			rc = seal_segment(dirfd, item->name, &so, digest, err);
			st->res->sealed += rc == 0;
		}
		st->res->segments++;
		(void)sys->close(dirfd);
	}
	inventory_free(&inv);
	return rc;
}

/* ---- one ring ---- */

/* A child that was forked meanwhile has the file too, and would keep the lock. */
static void
unclaim(int fd)
{
	(void)sys->flock(fd, LOCK_UN);
	(void)sys->close(fd);
}

/* Open a ring and take its lock: 1 it is ours now, 0 somebody's, or gone; negative. */
static int
claim(const struct state *st, const char *name, int *fd, alog_error *err)
{
	struct stat here, there;
	int rc = 0;

	*fd = sys->openat(st->rings, name, O_RDWR, 0);
	if (*fd < 0 && errno == ENOENT &&
	    sys->fstatat(st->rings, name, &there, AT_SYMLINK_NOFOLLOW) == 0)
		return error_set(err, ALOG_EIO, ENOENT, name,
		    "the ring it leads to is not here: on another host, or lost with a reboot; "
		    "remove the link to give it up");
	if (*fd < 0)
		return errno == ENOENT ? 0
				       : error_set(err, ALOG_EIO, errno, name, "cannot open");
	if (sys->flock(*fd, LOCK_EX | LOCK_NB) < 0) {
		const int e = errno;

		(void)sys->close(*fd);
		if (e != EWOULDBLOCK)
			return error_set(err, ALOG_EIO, e, name, "cannot lock");
		st->res->alive++;
		return 0;
	}
	/* Somebody may have finished it, and removed the name, before we had the lock. */
	if (sys->fstat(*fd, &here) == 0 && sys->fstatat(st->rings, name, &there, 0) == 0) {
		if (here.st_ino == there.st_ino && here.st_dev == there.st_dev)
			return 1;
	} else if (errno != ENOENT) {
		rc = error_set(err, ALOG_EIO, errno, name, "cannot stat");
	}
	unclaim(*fd);
	return rc;
}

/* Remove the ring that a link leads to; what is no link leads nowhere. */
static int
drop_target(const struct state *st, const char *name)
{
	char target[PATH_MAX];
	const ssize_t n = readlinkat(st->rings, name, target, sizeof target - 1);

	if (n < 0)
		return errno == EINVAL ? 0 : -1;
	target[n] = '\0';
	return sys->unlinkat(st->rings, target, 0) < 0 && errno != ENOENT ? -1 : 0;
}

/* Remove a finished ring.  Its name goes first, and with it what tells others to look: a link that still
 * had it would lead nowhere, as after the loss of a ring. */
static int
drop_ring(const struct state *st, const char *name, alog_error *err)
{
	char tmp[PATH_NAME_MAX + 8];

	(void)snprintf(tmp, sizeof tmp, "%s.tmp", name);
	/* Of a writer killed as it made its ring both are names of one file, which rename leaves so. */
	if (sys->unlinkat(st->rings, tmp, 0) < 0 && errno != ENOENT)
		return error_set(err, ALOG_EIO, errno, name, "cannot remove");
	if (sys->renameat(st->rings, name, st->rings, tmp) < 0 || drop_target(st, tmp) < 0 ||
	    sys->unlinkat(st->rings, tmp, 0) < 0)
		return error_set(err, ALOG_EIO, errno, name, "cannot remove");
	return 0;
}

/* Whether it is for us to finish a ring: 1, 0, or an error where all were asked for. */
static int
is_ours(const struct state *st, const char *name, const struct ring_copy *ring, int fd,
    alog_error *err)
{
	const size_t nhost = sizeof ring->owner.host - 1;
	struct stat stat;

	if (sys->fstat(fd, &stat) < 0)
		return error_set(err, ALOG_EIO, errno, name, "cannot stat");
	/* A ring holds the beginning of a long name; a blank one is on a disk of ours. */
	if ((ring->blank ? stat.st_uid : ring->owner.uid) == geteuid() &&
	    (st->opt->host == NULL || ring->blank ||
		strncmp(st->opt->host, ring->owner.host, nhost) == 0))
		return 1;
	if (st->opt->host != NULL)
		return 0;
	return error_set(err, ALOG_EIO, EPERM, name, "the ring of another user");
}

/* Cut the torn tail of the newest of one writer's n segments. */
static int
cut(const struct state *st, const struct inventory_item *item, size_t n, alog_error *err)
{
	struct resume files;
	int rc;

	if ((rc = resume_open(&files, st->opt->root, item, n, err)) < 0)
		return rc;
	st->res->torn += files.torn;
	segment_close(&files.seg);
	return 0;
}

/* What was in it goes to the writer's segments; of a blank ring nothing is known. */
static int
save(const struct state *st, const char *name, const char *writer, const struct ring_copy *ring,
    alog_error *err)
{
	struct inventory inv;
	int rc;

	/* A copy under another name must not touch the segments of one that may be alive. */
	if (!ring->blank &&
	    (strcmp(writer, ring->owner.writer) != 0 ||
		!path_service_valid(ring->owner.service)))
		return error_set(err, ALOG_ECORRUPT, 0, name, "not the ring of this writer");
	if ((rc = inventory_list(&inv, st->opt->root, writer, NULL, err)) < 0)
		return rc;
	rc = ring->blank ? cut(st, inv.item, inv.n, err) : replay(st, ring, &inv, err);
	inventory_free(&inv);
	return rc;
}

static int
finish_ring(
    const struct state *st, const char *name, const char *writer, int fd, alog_error *err)
{
	struct ring_copy ring;
	int rc;

	if ((rc = ring_read(&ring, fd, name, err)) < 0)
		return rc;
	if ((rc = is_ours(st, name, &ring, fd, err)) > 0) {
		rc = save(st, name, writer, &ring, err);
		if (rc == 0)
			rc = seal_all(st, writer, err);
		if (rc == 0 && !cancelled(st) && (rc = drop_ring(st, name, err)) == 0)
			st->res->rings++;
	}
	ring_copy_free(&ring);
	return rc;
}

/* Of a writer that died while it made its ring, or of a ring that was finished.  It may also be a second
 * name of a ring in use, which is as little needed. */
static void
drop_unnamed(const struct state *st, const char *name)
{
	const size_t n = strlen(name);
	struct stat stat;
	int64_t now = 0;

	(void)sys->realtime(&now);
	if (n > 9 && strcmp(name + n - 9, ".ring.tmp") == 0 &&
	    sys->fstatat(st->rings, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
	    stat.st_mtim.tv_sec < now / CLOCK_S - UNNAMED_S && drop_target(st, name) == 0)
		(void)sys->unlinkat(st->rings, name, 0);
}

static void
finish_rings(const struct state *st, const struct sys_names *names)
{
	char writer[PATH_WRITER_LENGTH + 1];
	int fd = -1, rc;

	for (size_t i = 0; i < names->n && !cancelled(st); i++) {
		alog_error err = { 0 };

		if (!path_parse_ring(names->name[i], writer)) {
			drop_unnamed(st, names->name[i]);
			continue;
		}
		if ((rc = claim(st, names->name[i], &fd, &err)) > 0) {
			rc = finish_ring(st, names->name[i], writer, fd, &err);
			unclaim(fd);
		}
		if (rc < 0 && !cancelled(st))
			warn(st, &err);
	}
}

/* ---- segments without a ring ---- */

static bool
has_ring(const struct state *st, const char *writer)
{
	char name[PATH_NAME_MAX];
	struct stat stat;

	path_ring(name, writer);
	return st->rings >= 0 &&
	    (sys->fstatat(st->rings, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT);
}

/* Segments of one writer that has no ring any more: cut and seal. */
static void
finish_orphan(const struct state *st, const struct inventory_item *item, size_t n)
{
	alog_error err = { 0 };
	int rc = cut(st, item, n, &err);

	if (rc == 0)
		rc = seal_all(st, item->id.writer, &err);
	/* Gone since it was listed: whoever had its ring has just finished it. */
	if (rc < 0 && !cancelled(st) && err.os_errno != ENOENT)
		warn(st, &err);
}

/* Open <root>/.ring, which need not be there. */
static int
open_rings(struct state *st, alog_error *err)
{
	if (st->rings >= 0)
		return 0;
	st->rings = sys_opendir_at(st->opt->root->fd, PATH_RING_DIR);
	if (st->rings < 0 && errno != ENOENT)
		return error_set(
		    err, ALOG_EIO, errno, st->opt->root->path, "cannot open .ring");
	return 0;
}

static int
finish_orphans(struct state *st, alog_error *err)
{
	struct inventory inv;
	size_t end;
	int rc;

	/* No ring, so no lock of its own: one at a time on a root. */
	if (sys->flock(st->opt->root->fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, errno == EWOULDBLOCK ? ALOG_EBUSY : ALOG_EIO, errno,
		    st->opt->root->path, "another recovery is at work");
	rc = inventory_list(&inv, st->opt->root, NULL, NULL, err);
	if (rc < 0) {
		(void)sys->flock(st->opt->root->fd, LOCK_UN);
		return rc;
	}
	/* Rings after segments: the living have the one before the other. */
	rc = open_rings(st, err);
	for (size_t i = 0; rc == 0 && i < inv.n && !cancelled(st); i = end) {
		bool plain = false;

		for (end = i;
		     end < inv.n && strcmp(inv.item[end].id.writer, inv.item[i].id.writer) == 0;
		     end++)
			plain = plain || inv.item[end].id.kind == PATH_PLAIN;
		if (plain && !inv.item[i].id.packed && !has_ring(st, inv.item[i].id.writer))
			finish_orphan(st, &inv.item[i], end - i);
	}
	inventory_free(&inv);
	(void)sys->flock(st->opt->root->fd, LOCK_UN);
	return rc;
}

int
recover_root(const struct recover_options *opt, struct recover_result *out, alog_error *err)
{
	struct state st = { opt, out, -1 };
	struct sys_names names;
	int rc = 0;

	if ((rc = open_rings(&st, err)) < 0)
		return rc;
	if (st.rings >= 0) {
		if (sys_list(st.rings, &names) < 0) {
			rc = error_set(
			    err, ALOG_EIO, errno, opt->root->path, "cannot list .ring");
		} else {
			finish_rings(&st, &names);
			sys_names_free(&names);
		}
	}
	if (rc == 0 && opt->orphans)
		rc = finish_orphans(&st, err);
	if (st.rings >= 0)
		(void)sys->close(st.rings);
	return rc;
}
