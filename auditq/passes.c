#include "passes.h"

static void
on_warning(void *arg, const auditq_warning *w)
{
	struct passes *p = arg;

	if (p->done > 0 && notes_known(&p->sent, w)) {
		p->repeated++;
		p->repeated_lost += w->lost;
		return;
	}
	notes_remember(&p->sent, w);
	if (p->to.fn != NULL)
		p->to.fn(p->to.arg, w);
}

struct qwarn
passes_target(struct passes *p)
{
	return (struct qwarn){ on_warning, p };
}

/* The catalog is that of the last pass; work adds up. */
void
passes_add(struct passes *p, const auditq_counts *counts)
{
	const auditq_counts before = p->counts;

	p->counts = *counts;
	p->counts.members_inflated += before.members_inflated;
	p->counts.members_cached += before.members_cached;
	p->counts.members_without_match += before.members_without_match;
	p->counts.bytes_read += before.bytes_read;
	p->counts.bytes_inflated += before.bytes_inflated;
	p->counts.lines += before.lines;
	p->counts.spilled += before.spilled;
	p->counts.warnings += before.warnings - p->repeated;
	p->counts.lost += before.lost - p->repeated_lost;
	p->repeated = p->repeated_lost = 0;
	p->done++;
}
