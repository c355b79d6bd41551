/* explain - what a query did, on standard error, one item a line. */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "auditq.h"

void explain(const auditq_t *q, const auditq_counts *counts);

#endif
