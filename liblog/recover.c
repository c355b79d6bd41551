#include "recover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "archive.h"
#include "field.h"
#include "inventory.h"
#include "record.h"
#include "ring.h"
#include "seal.h"
#include "trail.h"

#define UNMADE_S 60 /* nobody takes longer to make a ring */

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

/* ---- what stands in the files already ---- */

/* The seq of the last line of a plain segment that was cut to whole lines; 0: it has none. */
static uint64_t
last_seq(const struct segment *seg)
{
	static const struct field_path none;
	struct field_path path = none;
	struct field seq;
	uint64_t from, got_seq = 0;
	const char *nl;
	char *tail;
	ssize_t got;

	field_path_set(&path, "seq", 3);
	/* A line is at most as long as the largest ring's largest record allows; a longer
	 * window is tried only where a shorter one does not hold a whole line. */
	for (size_t window = 64u << 10; seg->bytes > 0; window *= 8) {
		from = seg->bytes > window ? seg->bytes - window : 0;
		if ((tail = malloc(window)) == NULL)
			return 0;
		got = sys_pread_all(seg->fd, tail, window, (off_t)from);
		if (got <= 1) {
			free(tail);
			return 0;
		}
		nl = memrchr(tail, '\n', (size_t)got - 1);
		if (nl != NULL || from == 0) {
			const char *line = nl != NULL ? nl + 1 : tail;
			const size_t n = (size_t)(tail + got - 1 - line);

			if (field_get(line, n, &path, 1, &seq) < 0 ||
			    seq.type != FIELD_NUMBER || !field_u64(&seq, &got_seq))
				got_seq = 0;
			free(tail);
			return got_seq;
		}
		free(tail);
	}
	return 0;
}

/* The footer of a sealed segment. */
static int
read_footer(const struct state *st, const struct inventory_item *item,
    struct format_footer *out, alog_error *err)
{
	const int dirfd = segment_open_partition(st->opt->root, item->day);
	int fd, rc;

	if (dirfd < 0)
		return error_set(err, ALOG_EIO, errno, item->name, "cannot open its partition");
	fd = sys->openat(dirfd, item->name, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		rc = error_set(err, ALOG_EIO, errno, item->name, "cannot open");
	else
		rc = archive_read_footer(fd, item->bytes, item->name, out, err);
	if (fd >= 0)
		(void)sys->close(fd);
	(void)sys->close(dirfd);
	return rc;
}

/*
 * Cut the torn tail of the newest segment, leave it open in *seg if it is plain, and tell the newest seq in
 * any file.  items: one writer's, oldest first.
 */
static int
resume(const struct state *st, const struct inventory_item *item, size_t n, struct segment *seg,
    uint64_t *seq, alog_error *err)
{
	struct format_footer total;
	struct segment s;
	uint64_t cut;
	int rc;

	*seq = 0;
	for (size_t i = n; i-- > 0 && *seq == 0;) {
		if (item[i].id.kind == PATH_SEALED) {
			if ((rc = read_footer(st, &item[i], &total, err)) < 0)
				return rc;
			*seq = total.seqs ? total.last_seq : 0;
			continue;
		}
		/* Sealed already, and killed before the plain file went: the archive counts. */
		if (i > 0 && item[i - 1].id.number == item[i].id.number)
			continue;
		if ((rc = segment_reopen(
			 &s, st->opt->root, item[i].day, item[i].name, &cut, err)) < 0)
			return rc;
		st->res->torn += cut > 0;
		*seq = last_seq(&s);
		if (i == n - 1)
			*seg = s;
		else
			segment_close(&s);
	}
	return 0;
}

/* ---- replaying a ring ---- */

struct replay {
	struct trail trail;
	struct record_base base; /* of gap records: the dead writer's identity */
	char identity[512];
	uint64_t from; /* newest seq that stands in a file */
};

static void
identify(struct replay *rp, const struct ring_owner *owner)
{
	struct jbuf out = { rp->identity, 0, sizeof rp->identity };

	jbuf_raw(&out, ",\"service\":", 11);
	jbuf_str(&out, owner->service, strlen(owner->service));
	jbuf_raw(&out, ",\"host\":", 8);
	jbuf_str(&out, owner->host, strlen(owner->host));
	jbuf_raw(&out, ",\"pid\":", 7);
	jbuf_u64(&out, owner->pid);
	rp->base = (struct record_base){ .run = "", .stage = "", .bound = "" };
	rp->base.identity = rp->identity;
	rp->base.nidentity = jbuf_full(&out) ? 0 : out.len;
}

/* A gap record with the number seq, in place of lost ones. */
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
time_of(const struct ring_record *rec)
{
	int64_t ts;

	if (rec->len < 7 + CLOCK_LENGTH ||
	    clock_parse(rec->p + 7, CLOCK_LENGTH, &ts, NULL, NULL) < 0)
		return 0;
	return ts;
}

/* Everything in the ring behind rp->from, holes as gap records. */
static int
put_records(struct replay *rp, const struct ring_copy *ring, struct recover_result *res,
    alog_error *err)
{
	uint64_t next = (rp->from > ring->tail_seq ? rp->from : ring->tail_seq) + 1;
	int64_t now = 0;
	int rc;

	(void)sys->realtime(&now);
	for (size_t i = 0; i < ring->n; i++) {
		const struct ring_record *rec = &ring->rec[i];

		if (rec->seq < next)
			continue;
		if (rec->seq > next) {
			res->torn += rec->seq - next;
			if ((rc = put_gap(
				 rp, next, rec->seq - next, "torn", time_of(rec), err)) < 0)
				return rc;
		}
		if ((rc = trail_put(&rp->trail, rec, err)) < 0)
			return rc;
		if (rp->trail.nbatch >= TRAIL_BATCH && (rc = trail_flush(&rp->trail, err)) < 0)
			return rc;
		res->records++;
		next = rec->seq + 1;
	}
	if (ring->head_seq >= next) {
		const char *why = ring->this_boot ? "torn" : "reboot";

		res->torn += ring->head_seq - next + 1;
		rc = put_gap(rp, next, ring->head_seq - next + 1, why, now, err);
		if (rc < 0)
			return rc;
		next = ring->head_seq + 1;
	}
	if (ring->lost > 0 && (rc = put_gap(rp, next, ring->lost, "overflow", now, err)) < 0)
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
	int rc;

	identify(&rp, &ring->owner);
	if ((rc = trail_init(&rp.trail, err)) < 0)
		return rc;
	rc = resume(st, inv->item, inv->n, &rp.trail.seg, &rp.from, err);
	if (rc == 0) {
		if (inv->n > 0)
			rp.trail.number = inv->item[inv->n - 1].id.number;
		rp.trail.written_seq = rp.trail.durable_seq = rp.from;
		/* What a dead process wrote may not be durable yet. */
		if (rp.trail.seg.fd >= 0)
			rc = segment_sync(&rp.trail.seg, st->opt->root, err);
	}
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
			if (read_footer(st, item, &total, NULL) == 0)
				memcpy(digest, total.whole, sizeof digest);
			continue;
		}
		if ((dirfd = segment_open_partition(st->opt->root, item->day)) < 0) {
			rc = error_set(
			    err, ALOG_EIO, errno, item->name, "cannot open its partition");
			break;
		}
		if (i > 0 && inv.item[i - 1].id.number == item->id.number) {
			if (sys->unlinkat(dirfd, item->name, 0) < 0)
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

/* Open a ring and take its lock: 1 it is ours now, 0 somebody's, or gone; negative. */
static int
claim(const struct state *st, const char *name, int *fd, alog_error *err)
{
	struct stat here, there;

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
	if (sys->fstat(*fd, &here) < 0 || sys->fstatat(st->rings, name, &there, 0) < 0 ||
	    here.st_ino != there.st_ino || here.st_dev != there.st_dev) {
		(void)sys->close(*fd);
		return 0;
	}
	return 1;
}

/* Remove the ring itself where its name is a link to it, then the name. */
static int
drop_ring(const struct state *st, const char *name, alog_error *err)
{
	char target[PATH_MAX];
	const ssize_t n = readlinkat(st->rings, name, target, sizeof target - 1);

	if (n > 0) {
		target[n] = '\0';
		if (sys->unlinkat(st->rings, target, 0) < 0 && errno != ENOENT)
			return error_set(err, ALOG_EIO, errno, target, "cannot remove");
	}
	if (sys->unlinkat(st->rings, name, 0) < 0 && errno != ENOENT)
		return error_set(err, ALOG_EIO, errno, name, "cannot remove");
	return 0;
}

static int
finish_ring(const struct state *st, const char *name, int fd, alog_error *err)
{
	struct ring_copy ring;
	struct inventory inv;
	int rc;

	if ((rc = ring_read(&ring, fd, name, err)) < 0)
		return rc;
	if ((st->opt->host != NULL && strcmp(st->opt->host, ring.owner.host) != 0) ||
	    ring.owner.uid != geteuid()) {
		ring_copy_free(&ring);
		return st->opt->host != NULL
		    ? 0
		    : error_set(err, ALOG_EIO, EPERM, name, "the ring of another user");
	}
	rc = inventory_list(&inv, st->opt->root, ring.owner.writer, NULL, err);
	if (rc == 0) {
		rc = replay(st, &ring, &inv, err);
		inventory_free(&inv);
	}
	if (rc == 0)
		rc = seal_all(st, ring.owner.writer, err);
	if (rc == 0 && !cancelled(st) && (rc = drop_ring(st, name, err)) == 0)
		st->res->rings++;
	ring_copy_free(&ring);
	return rc;
}

/* A writer that died while it made its ring: the name may also be a second one of a ring that
 * is in use, which is as little needed. */
static void
drop_unmade(const struct state *st, const char *name)
{
	const size_t n = strlen(name);
	struct stat stat;
	int64_t now = 0;

	(void)sys->realtime(&now);
	if (n > 9 && strcmp(name + n - 9, ".ring.tmp") == 0
	    && sys->fstatat(st->rings, name, &stat, AT_SYMLINK_NOFOLLOW) == 0
	    && stat.st_mtim.tv_sec < now / CLOCK_S - UNMADE_S)
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
			drop_unmade(st, names->name[i]);
			continue;
		}
		if ((rc = claim(st, names->name[i], &fd, &err)) > 0) {
			rc = finish_ring(st, names->name[i], fd, &err);
			(void)sys->close(fd);
		}
		if (rc < 0)
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
	return st->rings >= 0 && sys->fstatat(st->rings, name, &stat, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Segments of one writer that has no ring any more: cut and seal. */
static void
finish_orphan(const struct state *st, const struct inventory_item *item, size_t n)
{
	struct segment seg = SEGMENT_NONE;
	alog_error err = { 0 };
	uint64_t seq;
	int rc = resume(st, item, n, &seg, &seq, &err);

	segment_close(&seg);
	if (rc == 0)
		rc = seal_all(st, item->id.writer, &err);
	if (rc < 0)
		warn(st, &err);
}

static int
finish_orphans(const struct state *st, alog_error *err)
{
	struct inventory inv;
	size_t end;
	int rc;

	/* No ring, so no lock of its own: one at a time on a root. */
	if (sys->flock(st->opt->root->fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, errno == EWOULDBLOCK ? ALOG_EBUSY : ALOG_EIO, errno,
		    st->opt->root->path, "another recovery is at work");
	rc = inventory_list(&inv, st->opt->root, NULL, NULL, err);
	for (size_t i = 0; rc == 0 && i < inv.n && !cancelled(st); i = end) {
		bool plain = false;

		for (end = i;
		     end < inv.n && strcmp(inv.item[end].id.writer, inv.item[i].id.writer) == 0;
		     end++)
			plain = plain || inv.item[end].id.kind == PATH_PLAIN;
		if (plain && !inv.item[i].id.packed && !has_ring(st, inv.item[i].id.writer))
			finish_orphan(st, &inv.item[i], end - i);
	}
	if (rc == 0)
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

	st.rings = sys_opendir_at(opt->root->fd, PATH_RING_DIR);
	if (st.rings < 0 && errno != ENOENT)
		return error_set(err, ALOG_EIO, errno, opt->root->path, "cannot open .ring");
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
