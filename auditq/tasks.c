#include "tasks.h"

#include <errno.h>
#include <stdlib.h>

/* A member, or a file whose times are not known, or a range of one. */
struct task {
	struct work work; /* first */
	struct sift *sift;
	struct task *next;
	size_t file;
	bool whole;
	struct plan_member member;
	struct ranges *ranges; /* or NULL */
	struct source_range range;
	int64_t from;
	struct sift_result result;
};

void
tasks_init(struct tasks *t, struct sift *sift, struct workers *workers, sift_result_fn *take,
    void *arg)
{
	*t = (struct tasks){ .sift = sift, .workers = workers, .take = take, .arg = arg };
	t->last = &t->first;
}

static void
task_free(struct task *task)
{
	batch_release(&task->result.batch);
	notes_release(&task->result.notes);
	ranges_release(task->ranges);
	free(task);
}

void
tasks_release(struct tasks *t)
{
	struct task *next;

	for (struct task *task = t->first; task != NULL; task = next) {
		next = task->next;
		task_free(task);
	}
	*t = (struct tasks){ 0 };
}

static void
run_task(struct work *work, unsigned slot)
{
	struct task *task = (struct task *)work;

	if (task->ranges != NULL)
		ranges_sift(task->ranges, slot, &task->range, &task->result);
	else if (task->whole)
		sift_file(task->sift, slot, task->file, &task->result);
	else
		sift_member(task->sift, slot, task->file, &task->member, &task->result);
}

/* ---- adding ---- */

static struct task *
new_task(struct tasks *t, size_t file, int64_t from, auditq_error *err)
{
	struct task *task = calloc(1, sizeof *task);

	if (task == NULL) {
		(void)qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "search");
		return NULL;
	}
	task->work.run = run_task;
	task->sift = t->sift;
	task->file = file;
	task->from = from;
	return task;
}

static void
add(struct tasks *t, struct task *task)
{
	*t->last = task;
	t->last = &task->next;
	t->n++;
	t->bytes += task->member.payload_bytes;
	workers_add(t->workers, &task->work);
}

int
tasks_add_member(struct tasks *t, size_t file, const struct plan_member *member, int64_t from,
    auditq_error *err)
{
	struct task *task = new_task(t, file, from, err);

	if (task == NULL)
		return AUDITQ_ENOMEM;
	task->member = *member;
	add(t, task);
	return 0;
}

int
tasks_add_file(struct tasks *t, size_t file, auditq_error *err)
{
	struct task *task = new_task(t, file, CLOCK_NONE, err);

	if (task == NULL)
		return AUDITQ_ENOMEM;
	task->whole = true;
	add(t, task);
	return 0;
}

int
tasks_add_range(struct tasks *t, size_t file, struct ranges *ranges,
    const struct source_range *range, auditq_error *err)
{
	struct task *task = new_task(t, file, CLOCK_NONE, err);

	if (task == NULL) {
		ranges_release(ranges);
		return AUDITQ_ENOMEM;
	}
	task->ranges = ranges;
	task->range = *range;
	add(t, task);
	return 0;
}

/* ---- finishing ---- */

static int
take_moved(
    struct tasks *t, struct task *task, const struct sift_result *piece, auditq_error *err)
{
	struct sift_result moved;
	int r;

	ranges_moved(task->ranges, piece, &moved);
	r = t->take(t->arg, &moved, err);
	batch_release(&moved.batch);
	return r;
}

static int
take_range(struct tasks *t, struct task *task, auditq_error *err)
{
	const bool last = task->range.end == UINT64_MAX;
	struct sift_result left_out;
	int r;

	if ((r = take_moved(t, task, &task->result, err)) < 0)
		return r;
	ranges_join(task->ranges, &task->range, &task->result, &left_out);
	r = t->take(t->arg, &left_out, err);
	batch_release(&left_out.batch);
	if (r < 0 || (r = t->take(t->arg, &task->result, err)) < 0)
		return r;
	return last ? take_moved(t, task, NULL, err) : r;
}

static int
finish_first(struct tasks *t, auditq_error *err)
{
	struct task *task = t->first;
	int r;

	if ((t->first = task->next) == NULL)
		t->last = &t->first;
	t->n--;
	workers_wait(t->workers, &task->work);
	t->bytes -= task->member.payload_bytes;
	r = task->ranges != NULL ? take_range(t, task, err)
				 : t->take(t->arg, &task->result, err);
	task_free(task);
	return r;
}

int
tasks_finish(struct tasks *t, size_t most, auditq_error *err)
{
	int r = 0;

	while (r == 0 && t->n > most)
		r = finish_first(t, err);
	return r;
}

bool
tasks_from(const struct tasks *t, int64_t *from)
{
	if (t->first != NULL)
		*from = t->first->from;
	return t->first != NULL;
}
