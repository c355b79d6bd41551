/*
 * cursor - headway kept in a file, from one query to the next.
 *
 * JSON Lines: the first says which version it is, and the length and CRC-32 of the others; then a line for
 * each writer and one for each file.
 */
#ifndef CURSOR_H
#define CURSOR_H

#include "headway.h"

/* 1: out, which must be empty, has what the file says; 0: there is no such file.  AUDITQ_ECORRUPT: it is damaged, or no
 * cursor; AUDITQ_EVERSION; AUDITQ_EIO; AUDITQ_ENOMEM.  out is to be released, on failure too. */
int cursor_load(struct headway *out, const char *path, auditq_error *err);
/* Replaces the file, at once and durably. */
int cursor_store(const struct headway *p, const char *path, auditq_error *err);

#endif
