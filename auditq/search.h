/*
 * search - one execution of a question: files and members to workers, what they find into one order.
 *
 * Files of which no times are known are sifted at the start, all at once.  Members are opened, a few ahead
 * of need, when the order of answers gets to their first time.
 */
#ifndef SEARCH_H
#define SEARCH_H

#include "batch.h"
#include "question.h"
#include "twins.h"

struct search;

/*
 * q is borrowed and constant; counts is the caller's, zeroed, and kept up to date.  stop (atomic) is
 * polled: set by any thread, it makes the search fail with AUDITQ_ECANCELED; search_free sets it too.  With
 * counting, only search_count may follow.
 */
int search_new(struct search **ret, const struct question *q, bool *stop, bool counting,
    auditq_counts *counts, auditq_error *err);
void search_free(struct search *s);
/* No more lines will be asked for: give back what finding them takes. */
void search_rest(struct search *s);

/* 1, and the next line in order, valid until the next call; 0; negative. */
int search_next(struct search *s, struct batch_line *line, auditq_error *err);
/* How many lines search_next would give, were there no limit; most, or more, when there are so many: then not all was
 * looked at. */
int search_count(struct search *s, uint64_t most, uint64_t *n, auditq_error *err);
/* Give all lines to the question's taker. */
int search_take(struct search *s, auditq_error *err);

/*
 * For those who tell twins apart themselves: the next line, though its record was given before; whether
 * there may be such; whether a line's record is among those met (1, 0, negative), which it joins; the same of
 * those given, which is counted.
 */
int search_next_of_all(struct search *s, struct batch_line *line, auditq_error *err);
bool search_has_twins(const struct search *s);
int search_is_twin(const struct search *s, struct twins *met, const struct batch_line *line,
    auditq_error *err);
int search_drop_twin(struct search *s, const struct batch_line *line, auditq_error *err);

/* The run that the question's `last` was found to be; NULL: there is none, or it was not asked for. */
const char *search_last_run(const struct search *s);

/* Of a line's path. */
const char *search_path(const struct search *s, uint32_t rank);
const struct schema *search_schema(const struct search *s, uint32_t rank);
/* What it asks of a line, with the run that `last` was found to be; as long as the search. */
const struct match_query *search_query(const struct search *s);

#endif
