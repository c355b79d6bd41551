/* hint - see hint.h */
#include "hint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "say.h"

/* More names than these are not looked up. */
enum { ASKED_MAX = 16 };

struct asked {
	const char *name; /* n bytes */
	size_t n;
	bool there; /* some record has it */
	struct nearest near;
};

/* The names of one kind that are asked for. */
struct names {
	int kind;
	struct asked asked[ASKED_MAX];
	size_t n;
};

static void
add(struct names *names, const char *name, size_t n)
{
	struct asked *a;

	for (size_t i = 0; i < names->n; i++)
		if (names->asked[i].n == n && memcmp(names->asked[i].name, name, n) == 0)
			return;
	if (n == 0 || names->n == ASKED_MAX)
		return;
	a = &names->asked[names->n++];
	*a = (struct asked){ .name = name, .n = n };
	nearest_init(&a->near, name, n);
}

/* The parts of lists; blanks around them are not theirs. */
static void
add_list(struct names *names, const struct opt_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		for (const char *s = list->item[i]; *s != '\0';) {
			size_t n = strcspn(s, ","), length = n, blanks = strspn(s, " \t");

			while (length > blanks && strchr(" \t", s[length - 1]) != NULL)
				length--;
			if (blanks < length)
				add(names, s + blanks, length - blanks);
			s += n + (s[n] == ',');
		}
}

static void
add_fields(struct names *names, const auditq_t *q)
{
	const char *name;
	size_t n;

	for (size_t i = 0; auditq_asked_field(q, i, &name, &n) == 0; i++)
		add(names, name, n);
}

/* A field is also what others are in, and may be meant by its last name. */
static void
offer_field(struct nearest *near, const char *path, size_t n)
{
	size_t last = 0;

	for (size_t i = 0; i < n; i++) {
		if (path[i] != '.')
			continue;
		nearest_offer(near, path, i);
		last = i + 1;
	}
	nearest_offer(near, path, n);
	nearest_offer_by(near, path + last, n - last, path, n);
}

/* A run is also named by what its id begins with, and so compared with that. */
static int
meet(void *arg, const char *name, size_t n)
{
	struct names *names = arg;

	for (size_t i = 0; i < names->n; i++) {
		struct asked *a = &names->asked[i];
		const bool run = names->kind == AUDITQ_NAMES_RUNS,
			   field = names->kind == AUDITQ_NAMES_FIELDS;
		const bool begins = n >= a->n && memcmp(name, a->name, a->n) == 0;

		a->there |= begins && (n == a->n || run || (field && name[a->n] == '.'));
		if (field)
			offer_field(&a->near, name, n);
		else
			nearest_offer(&a->near, name, run && n > a->n ? a->n : n);
	}
	return 0;
}

static void
tell(const struct asked *a, int kind, bool sure, const char *when)
{
	static const char *const none[] = {
		[AUDITQ_NAMES_STAGES] = "no record has stage",
		[AUDITQ_NAMES_FIELDS] = "no record has a field",
		[AUDITQ_NAMES_RUNS] = "no record is of a run",
	};
	const char *near = a->near.name;

	if (a->there)
		return;
	/* One of several runs is any. */
	if (kind == AUDITQ_NAMES_RUNS && a->near.tied)
		near = "";
	if (sure && *near != '\0')
		say("%s \"%.*s\"%s; did you mean \"%s\"?", none[kind], (int)a->n, a->name, when,
		    near);
	else if (sure)
		say("%s \"%.*s\"%s", none[kind], (int)a->n, a->name, when);
	else if (*near != '\0')
		say("\"%.*s\" was not found; did you mean \"%s\"?", (int)a->n, a->name, near);
}

static void
look_up(const struct ask *a, struct names *names)
{
	const struct ask_options *opt = a->opt;
	const bool window = opt->after != NULL || opt->before != NULL || opt->on != NULL;
	int r;

	if (names->n == 0)
		return;
	/* It is a hint: what fails was told by the query, or there is none. */
	if ((r = auditq_names(a->q, names->kind, meet, names, NULL)) < 0)
		return;
	for (size_t i = 0; i < names->n; i++)
		tell(&names->asked[i], names->kind, r > 0, window ? " at that time" : "");
}

void
hint(const struct ask *a)
{
	struct names names = { .kind = AUDITQ_NAMES_STAGES };

	add_list(&names, &a->opt->stage);
	look_up(a, &names);
	names = (struct names){ .kind = AUDITQ_NAMES_FIELDS };
	add_fields(&names, a->q);
	look_up(a, &names);
	names = (struct names){ .kind = AUDITQ_NAMES_RUNS };
	for (size_t i = 0; i < a->opt->run.n; i++)
		if (strcmp(a->opt->run.item[i], "last") != 0)
			add_list(&names, &(struct opt_list){ &a->opt->run.item[i], 1 });
	if (a->shown != NULL && strcmp(a->shown, "last") != 0)
		add(&names, a->shown, strlen(a->shown));
	look_up(a, &names);
}
