/* config - alog_config: options from a JSON file and from the environment. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

struct alog_config {
	alog_options opt;
	json_t *json; /* owns the strings of the file */
	alog_redact *redact;
};

enum kind { TEXT, U64, U32, LEVEL, MODE, INT, FLAG, OVERFLOW_, REDACT };

/* One row a key: where it goes, and how it is read. */
static const struct key {
	const char *name;
	enum kind kind;
	size_t at;
	unsigned flag;
} keys[] = {
#define AT(name) offsetof(alog_options, name)
	{ "root", TEXT, AT(root), 0 },
	{ "service", TEXT, AT(service), 0 },
	{ "host", TEXT, AT(host), 0 },
	{ "level", LEVEL, AT(level), 0 },
	{ "source", FLAG, AT(flags), ALOG_SOURCE },
	{ "thread", FLAG, AT(flags), ALOG_THREAD },
	{ "mirror", FLAG, AT(flags), ALOG_MIRROR },
	{ "no_seal", FLAG, AT(flags), ALOG_NO_SEAL },
	{ "no_recover", FLAG, AT(flags), ALOG_NO_RECOVER },
	{ "segment_bytes", U64, AT(segment_bytes), 0 },
	{ "ring_bytes", U64, AT(ring_bytes), 0 },
	{ "ring_dir", TEXT, AT(ring_dir), 0 },
	{ "record_bytes", U32, AT(record_bytes), 0 },
	{ "overflow", OVERFLOW_, AT(overflow), 0 },
	{ "block_ms", U32, AT(block_ms), 0 },
	{ "written_ms", U32, AT(written_ms), 0 },
	{ "fdatasync_ms", U32, AT(fdatasync_ms), 0 },
	{ "close_ms", U32, AT(close_ms), 0 },
	{ "seal_bytes", U64, AT(seal_bytes), 0 },
	{ "gzip_level", INT, AT(gzip_level), 0 },
	{ "keep_days", U32, AT(keep_days), 0 },
	{ "keep_segments", U32, AT(keep_segments), 0 },
	{ "keep_bytes", U64, AT(keep_bytes), 0 },
	{ "file_mode", MODE, AT(file_mode), 0 },
	{ "dir_mode", MODE, AT(dir_mode), 0 },
	{ "redact", REDACT, 0, 0 },
#undef AT
};

static int
wrong(const char *path, const char *key, const char *want, alog_error *err)
{
	return error_set(err, ALOG_EINVAL, 0, path, "key \"%s\" must be %s", key, want);
}

/* A string member of a redact rule: absent leaves *to NULL. */
static int
rule_text(const json_t *rule, const char *name, const char **to)
{
	const json_t *v = json_object_get(rule, name);

	*to = json_string_value(v);
	return v == NULL || *to != NULL ? 0 : -1;
}

static int
take_rule(alog_redact *to, const json_t *rule)
{
	size_t members;

	if (!json_is_object(rule) || rule_text(rule, "field", &to->field) < 0 ||
	    rule_text(rule, "pattern", &to->pattern) < 0 ||
	    rule_text(rule, "with", &to->with) < 0)
		return -1;
	members = (size_t)(to->field != NULL) + (size_t)(to->pattern != NULL) +
	    (size_t)(to->with != NULL);
	return json_object_size(rule) == members ? 0 : -1;
}

static int
take_redact(struct alog_config *cfg, const json_t *v, const char *path, alog_error *err)
{
	const size_t n = json_array_size(v);

	if (!json_is_array(v))
		return wrong(path, "redact", "an array", err);
	if ((cfg->redact = calloc(n + 1, sizeof *cfg->redact)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, path, "redact");
	for (size_t i = 0; i < n; i++)
		if (take_rule(&cfg->redact[i], json_array_get(v, i)) < 0)
			return error_set(err, ALOG_EINVAL, 0, path,
			    "key \"redact\": rule %zu must be an object of the strings \"field\", "
			    "\"pattern\" and \"with\"",
			    i + 1);
	cfg->opt.redact = cfg->redact;
	cfg->opt.nredact = n;
	return 0;
}

static int
take_mode(uint32_t *to, const char *key, const json_t *v, const char *path, alog_error *err)
{
	const char *s = json_string_value(v);
	/* Digits only: strtoul would take spaces and a sign too. */
	const bool digits = s != NULL && s[strspn(s, "01234567")] == '\0';
	const unsigned long mode = digits ? strtoul(s, NULL, 8) : 0;

	if (mode == 0 || mode > 07777)
		return wrong(path, key, "a string of octal digits such as \"0640\"", err);
	*to = (uint32_t)mode;
	return 0;
}

static int
take_number(void *to, const struct key *k, const json_t *v, const char *path, alog_error *err)
{
	const json_int_t i = json_integer_value(v);
	const json_int_t max = k->kind == U64 ? INT64_MAX
	    : k->kind == U32                  ? UINT32_MAX
					      : INT32_MAX;

	if (!json_is_integer(v) || i < 0 || i > max)
		return error_set(err, ALOG_EINVAL, 0, path,
		    "key \"%s\" must be a whole number from 0 to %lld", k->name,
		    (long long)max);
	if (k->kind == U64)
		*(uint64_t *)to = (uint64_t)i;
	else if (k->kind == U32)
		*(uint32_t *)to = (uint32_t)i;
	else
		*(int *)to = (int)i;
	return 0;
}

static int
take_name(int *to, const struct key *k, const json_t *v, const char *path, alog_error *err)
{
	static const char *const policy[] = { "block", "drop", "fail" };
	const char *s = json_string_value(v);

	if (k->kind == LEVEL) {
		if (s == NULL || (*to = alog_level_parse(s)) < 0)
			return wrong(path, k->name, "the name of a level", err);
		return 0;
	}
	for (int i = 0; s != NULL && i < 3; i++)
		if (strcmp(s, policy[i]) == 0) {
			*to = i;
			return 0;
		}
	return wrong(path, k->name, "\"block\", \"drop\" or \"fail\"", err);
}

static int
take(struct alog_config *cfg, const struct key *k, json_t *v, const char *path, alog_error *err)
{
	void *to = (char *)&cfg->opt + k->at;

	switch (k->kind) {
	case TEXT:
		if (!json_is_string(v))
			return wrong(path, k->name, "a string", err);
		*(const char **)to = json_string_value(v);
		return 0;
	case FLAG:
		if (!json_is_boolean(v))
			return wrong(path, k->name, "true or false", err);
		cfg->opt.flags =
		    json_is_true(v) ? cfg->opt.flags | k->flag : cfg->opt.flags & ~k->flag;
		return 0;
	case U64:
	case U32:
	case INT: return take_number(to, k, v, path, err);
	case LEVEL:
	case OVERFLOW_: return take_name(to, k, v, path, err);
	case MODE: return take_mode(to, k->name, v, path, err);
	case REDACT: return take_redact(cfg, v, path, err);
	}
	return ALOG_EINVAL;
}

static int
read_json(json_t **ret, const char *path, alog_error *err)
{
	FILE *f = fopen(path, "re");
	json_error_t at;
	int rc = 0;

	if (f == NULL)
		return error_set(err, ALOG_EIO, errno, path, "cannot read");
	*ret = json_loadf(f, JSON_REJECT_DUPLICATES, &at);
	/* To jansson what cannot be read, such as a directory, is what ends here. */
	if (*ret == NULL && ferror(f))
		rc = error_set(err, ALOG_EIO, errno, path, "cannot read");
	else if (*ret == NULL)
		rc = error_set_at(err, ALOG_EJSON, path,
		    at.position > 0 ? (uint64_t)at.position : 0, "line %d, column %d: %s",
		    at.line, at.column, at.text);
	(void)fclose(f);
	return rc;
}

static int
load_file(struct alog_config *cfg, const char *path, alog_error *err)
{
	const char *name;
	json_t *v;
	int rc;

	if ((rc = read_json(&cfg->json, path, err)) < 0)
		return rc;
	if (!json_is_object(cfg->json))
		return error_set(err, ALOG_EINVAL, 0, path, "must hold one JSON object");
	json_object_foreach(cfg->json, name, v)
	{
		const size_t n = sizeof keys / sizeof keys[0];
		size_t i = 0;

		while (i < n && strcmp(keys[i].name, name) != 0)
			i++;
		if (i == n)
			return error_set(err, ALOG_EINVAL, 0, path, "unknown key \"%s\"", name);
		if ((rc = take(cfg, &keys[i], v, path, err)) < 0)
			return rc;
	}
	return 0;
}

static void
take_environment(alog_options *opt)
{
	static const struct {
		const char *name;
		size_t at;
	} env[] = {
		{ "ALOG_ROOT", offsetof(alog_options, root) },
		{ "ALOG_SERVICE", offsetof(alog_options, service) },
		{ "ALOG_RING_DIR", offsetof(alog_options, ring_dir) },
	};

	/* ALOG_LEVEL is read by alog_open, for those who make their options themselves too. */
	for (size_t i = 0; i < sizeof env / sizeof env[0]; i++) {
		const char *v = secure_getenv(env[i].name);

		if (v != NULL && v[0] != '\0')
			*(const char **)(void *)((char *)opt + env[i].at) = v;
	}
}

int
alog_config_load(alog_config **ret, const char *path, alog_error *err)
{
	struct alog_config *cfg;
	int rc = 0;

	error_reset(err);
	if ((cfg = calloc(1, sizeof *cfg)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, path, "config");
	cfg->opt.size = sizeof cfg->opt;
	if (path != NULL)
		rc = load_file(cfg, path, err);
	if (rc < 0) {
		alog_config_free(cfg);
		return rc;
	}
	take_environment(&cfg->opt);
	*ret = cfg;
	return 0;
}

alog_options *
alog_config_options(alog_config *cfg)
{
	return &cfg->opt;
}

void
alog_config_free(alog_config *cfg)
{
	if (cfg == NULL)
		return;
	json_decref(cfg->json);
	free(cfg->redact);
	free(cfg);
}
