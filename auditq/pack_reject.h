/* pack_reject - lines that cannot be packed, as JSON: where each stood, why not, and its text. */
#ifndef PACK_REJECT_H
#define PACK_REJECT_H

#include "pack_input.h"

struct pack_reject {
	const struct schema *schema;
	int fd;
	const char *path; /* borrowed, for messages */
	size_t n;
	char buf[1 << 15];
};

void pack_reject_open(
    struct pack_reject *w, const struct schema *schema, int fd, const char *path);
int pack_reject_add(struct pack_reject *w, const struct pack_line *line, auditq_error *err);
/* Write what is in the buffer; the descriptor is the caller's. */
int pack_reject_flush(struct pack_reject *w, auditq_error *err);

#endif
