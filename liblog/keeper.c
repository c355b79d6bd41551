#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "inventory.h"
#include "recover.h"
#include "retain.h"
#include "seal.h"
#include "thread.h"

struct job {
	struct job *next;
	int32_t day;
	char name[PATH_NAME_MAX];
};

struct keeper {
	const struct settings *set;
	const struct segment_root *root;
	struct monitor *mon;
	pthread_t thread;
	pthread_mutex_t lock; /* of the queue, stop, left and done */
	pthread_cond_t more, finished;
	struct job *first, **last;
	bool stop, done;
	bool left; /* a segment stayed plain */
	atomic_bool cancel;
	uint8_t digest[32]; /* of the segment sealed last */
};

static void
on_warning(void *arg, const alog_error *err)
{
	struct keeper *k = arg;

	monitor_warning(k->mon, err);
}

static void
recover(struct keeper *k)
{
	const struct recover_options opt = { .root = k->root,
		.host = k->set->host,
		.seal = (k->set->flags & ALOG_NO_SEAL) == 0,
		.gzip_level = k->set->gzip_level,
		.segment_bytes = k->set->segment_bytes,
		.cancel = &k->cancel,
		.warn = on_warning,
		.arg = k };
	struct recover_result res = { 0 };
	alog_error err = { 0 };

	if (recover_root(&opt, &res, &err) < 0)
		monitor_warning(k->mon, &err);
	monitor_add(&k->mon->recovered, res.records);
}

/* ---- retention ---- */

static void
remove_segment(struct keeper *k, int32_t day, const char *name)
{
	const int dirfd = segment_open_partition(k->root, day);
	char partition[PATH_NAME_MAX];
	alog_error err = { 0 };

	if (dirfd < 0)
		return;
	if (sys->unlinkat(dirfd, name, 0) == 0) {
		monitor_add(&k->mon->retired, 1);
	} else if (errno != ENOENT) {
		error_set(&err, ALOG_EIO, errno, name, "cannot delete");
		monitor_error(k->mon, &err);
	}
	(void)sys->close(dirfd);
	/* The last file of a day takes its partition along; a writer that wants it makes it anew. */
	path_partition(partition, day);
	(void)sys->unlinkat(k->root->fd, partition, AT_REMOVEDIR);
}

static void
retain(struct keeper *k)
{
	const struct retain_limits limits = { k->set->keep_days, k->set->keep_segments,
		k->set->keep_bytes };
	struct retain_file *file = NULL;
	struct inventory inv;
	alog_error err = { 0 };
	size_t n = 0;

	if (limits.days == 0 && limits.count == 0 && limits.bytes == 0)
		return;
	if (inventory_list(&inv, k->root, NULL, k->set->service, &err) < 0) {
		monitor_error(k->mon, &err);
		return;
	}
	if (inv.n > 0 && (file = calloc(inv.n, sizeof *file)) != NULL) {
		for (size_t i = 0; i < inv.n; i++)
			if (inv.item[i].id.kind == PATH_SEALED && !inv.item[i].id.packed)
				file[n++] = (struct retain_file){ .item = i,
					.day = inv.item[i].day,
					.mtime = inv.item[i].mtime,
					.bytes = inv.item[i].bytes };
		retain_choose(file, n, clock_day(settings_now(k->set)), &limits);
		for (size_t i = 0; i < n; i++)
			if (file[i].remove)
				remove_segment(
				    k, inv.item[file[i].item].day, inv.item[file[i].item].name);
	}
	free(file);
	inventory_free(&inv);
}

/* ---- sealing ---- */

static void
seal(struct keeper *k, const struct job *job)
{
	const struct seal_options opt = { .gzip_level = k->set->gzip_level,
		.mode = k->root->file_mode,
		.cancel = &k->cancel };
	const int dirfd = segment_open_partition(k->root, job->day);
	alog_error err = { 0 };
	int rc;

	if (dirfd < 0) {
		rc = error_set(&err, ALOG_EIO, errno, job->name, "cannot open its partition");
	} else {
		rc = seal_segment(dirfd, job->name, &opt, k->digest, &err);
		(void)sys->close(dirfd);
	}
	if (rc == 0) {
		monitor_add(&k->mon->sealed, 1);
		return;
	}
	/* The plain file is as good for every reader; recovery will try again. */
	monitor_error(k->mon, &err);
	(void)pthread_mutex_lock(&k->lock);
	k->left = true;
	(void)pthread_mutex_unlock(&k->lock);
}

/* The next job, or NULL when stopped and nothing is left. */
static struct job *
take(struct keeper *k)
{
	struct job *job;

	(void)pthread_mutex_lock(&k->lock);
	while (k->first == NULL && !k->stop)
		(void)pthread_cond_wait(&k->more, &k->lock);
	if ((job = k->first) != NULL && (k->first = job->next) == NULL)
		k->last = &k->first;
	(void)pthread_mutex_unlock(&k->lock);
	return job;
}

static void *
run(void *arg)
{
	struct keeper *k = arg;
	struct job *job;

	if ((k->set->flags & ALOG_NO_RECOVER) == 0)
		recover(k);
	retain(k);
	while ((job = take(k)) != NULL) {
		seal(k, job);
		free(job);
		retain(k);
	}
	(void)pthread_mutex_lock(&k->lock);
	k->done = true;
	(void)pthread_cond_signal(&k->finished);
	(void)pthread_mutex_unlock(&k->lock);
	return NULL;
}

/* ---- from other threads ---- */

int
keeper_start(struct keeper **ret, const struct settings *set, const struct segment_root *root,
    struct monitor *mon, alog_error *err)
{
	struct keeper *k;
	int e;

	if ((k = calloc(1, sizeof *k)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "keeper");
	k->set = set;
	k->root = root;
	k->mon = mon;
	k->last = &k->first;
	(void)pthread_mutex_init(&k->lock, NULL);
	thread_cond_init(&k->more);
	thread_cond_init(&k->finished);
	if ((e = thread_start(&k->thread, run, k)) != 0) {
		keeper_fork_free(k);
		return error_set(err, ALOG_EIO, e, NULL, "cannot start a thread");
	}
	*ret = k;
	return 0;
}

void
keeper_seal(struct keeper *k, int32_t day, const char *name)
{
	struct job *job = calloc(1, sizeof *job);
	alog_error err = { 0 };

	(void)pthread_mutex_lock(&k->lock);
	if (job == NULL) {
		k->left = true;
	} else {
		job->day = day;
		(void)strncpy(job->name, name, sizeof job->name - 1);
		*k->last = job;
		k->last = &job->next;
		(void)pthread_cond_signal(&k->more);
	}
	(void)pthread_mutex_unlock(&k->lock);
	if (job == NULL) {
		error_set(&err, ALOG_ENOMEM, ENOMEM, name, "cannot queue it for sealing");
		monitor_error(k->mon, &err);
	}
}

bool
keeper_stop(struct keeper *k, int64_t deadline)
{
	bool all;

	(void)pthread_mutex_lock(&k->lock);
	k->stop = true;
	(void)pthread_cond_signal(&k->more);
	while (!k->done && thread_cond_wait(&k->finished, &k->lock, deadline) == 0)
		;
	(void)pthread_mutex_unlock(&k->lock);
	/* Late: what it is at gives up at its next look. */
	atomic_store(&k->cancel, true);
	(void)pthread_join(k->thread, NULL);
	all = !k->left;
	keeper_fork_free(k);
	return all;
}

void
keeper_fork_free(struct keeper *k)
{
	if (k == NULL)
		return;
	while (k->first != NULL) {
		struct job *job = k->first;

		k->first = job->next;
		free(job);
	}
	free(k);
}
