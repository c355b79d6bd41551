#include "liblog.h"

const char *
alog_level_name(int level)
{
	static const char *const names[] = {
		[ALOG_LEVEL_TRACE] = "trace",
		[ALOG_LEVEL_DEBUG] = "debug",
		[ALOG_LEVEL_INFO] = "info",
		[ALOG_LEVEL_NOTICE] = "notice",
		[ALOG_LEVEL_WARN] = "warn",
		[ALOG_LEVEL_ERROR] = "error",
		[ALOG_LEVEL_CRITICAL] = "critical",
		[ALOG_LEVEL_OFF] = "off",
	};

	return level >= ALOG_LEVEL_TRACE && level <= ALOG_LEVEL_OFF ? names[level] : NULL;
}

/* Equal but for the case of ASCII letters, whatever the locale; lower is in lower case. */
static bool
equal_fold(const char *s, const char *lower)
{
	for (; *lower != '\0'; s++, lower++) {
		const char c = *s >= 'A' && *s <= 'Z' ? (char)(*s + ('a' - 'A')) : *s;

		if (c != *lower)
			return false;
	}
	return *s == '\0';
}

int
alog_level_parse(const char *name)
{
	static const struct {
		const char *name;
		int level;
	} others[] = {
		{ "warning", ALOG_LEVEL_WARN },
		{ "err", ALOG_LEVEL_ERROR },
		{ "fatal", ALOG_LEVEL_CRITICAL },
		{ "crit", ALOG_LEVEL_CRITICAL },
	};

	if (name == NULL)
		return ALOG_EINVAL;
	for (int level = ALOG_LEVEL_TRACE; level <= ALOG_LEVEL_OFF; level++)
		if (equal_fold(name, alog_level_name(level)))
			return level;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (equal_fold(name, others[i].name))
			return others[i].level;
	return ALOG_EINVAL;
}
