/*
 * liblog for C++17: contexts that end by themselves, fields from values.  A thin layer: what a
 * record is, when it is durable and what errors mean is said in liblog.h.
 *
 *     alog::logger log;
 *     if (log.open({ .root = "logs", .service = "detector" }, &err) < 0) ...
 *     alog::run run(log);
 *     alog::stage stage(run, "detection");
 *     stage.info("model loaded", { { "bytes", size }, { "gpu", 0 } });
 *     if (stage.audit("user.delete", { { "target", id } }) < 0) ...
 *
 * A run or stage that is left by an exception, or of which fail() was called, ends as failed.
 * Nothing here throws; every function may be called when the logger could not be opened, and does nothing then.
 * Fields borrow their strings for the call.  Arguments are evaluated even when the level is
 * off: where that matters, ask enabled() first.
 */
#ifndef LIBLOG_HPP
#define LIBLOG_HPP

#include <liblog.h>

#include <cstring>
#include <exception>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace alog
{

/* A key and a value; the layout is that of alog_field. */
class field
{
      public:
	field(const char *key, std::nullptr_t) : f_(make(key, ALOG_TYPE_NULL)) {}
	template <typename T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
	field(const char *key, T value) : f_(make(key, type_of<T>()))
	{
		if constexpr (std::is_floating_point_v<T>)
			f_.v.d = static_cast<double>(value);
		else if constexpr (std::is_same_v<T, char>)
			f_.v.i = static_cast<unsigned char>(value);
		else if constexpr (std::is_signed_v<T> || std::is_same_v<T, bool>)
			f_.v.i = static_cast<int64_t>(value);
		else
			f_.v.u = static_cast<uint64_t>(value);
	}
	template <typename T, std::enable_if_t<std::is_enum_v<T>, int> = 0>
	field(const char *key, T value) : field(key, static_cast<std::underlying_type_t<T>>(value))
	{
	}
	field(const char *key, std::string_view value) : f_(make(key, ALOG_TYPE_BYTES))
	{
		/* An empty view may have no data, and is not null. */
		f_.v.s = value.data() != nullptr ? value.data() : "";
		f_.n = value.size();
	}
	field(const char *key, const std::string &value) : field(key, std::string_view(value)) {}
	field(const char *key, const char *value) : f_(make(key, ALOG_TYPE_BYTES))
	{
		f_.v.s = value;
		f_.n = value != nullptr ? std::strlen(value) : 0;
	}
	field(const char *key, const json_t *value) : f_(make(key, ALOG_TYPE_JSON))
	{
		f_.v.j = value;
	}
	field(const char *key, const void *value) : f_(make(key, ALOG_TYPE_POINTER))
	{
		f_.v.p = value;
	}

      private:
	static alog_field make(const char *key, alog_type type)
	{
		alog_field f = {};

		f.key = key;
		f.type = static_cast<uint32_t>(type);
		f.nkey = static_cast<uint32_t>(std::strlen(key));
		return f;
	}
	template <typename T> static constexpr alog_type type_of()
	{
		if constexpr (std::is_same_v<T, bool>)
			return ALOG_TYPE_BOOL;
		else if constexpr (std::is_same_v<T, char>)
			return ALOG_TYPE_CHAR;
		else if constexpr (std::is_same_v<T, float>)
			return ALOG_TYPE_FLOAT;
		else if constexpr (std::is_floating_point_v<T>)
			return ALOG_TYPE_DOUBLE;
		else if constexpr (std::is_signed_v<T>)
			return ALOG_TYPE_INT;
		else
			return ALOG_TYPE_UINT;
	}

	alog_field f_;
};

using fields = std::initializer_list<field>;

namespace detail
{
static_assert(sizeof(field) == sizeof(alog_field) && std::is_standard_layout_v<field>,
    "a list of fields is an array of alog_field");

inline const alog_field *
data(const fields &list)
{
	return reinterpret_cast<const alog_field *>(list.begin());
}
}

/* What records are written to.  Does not own the handle; the classes below do. */
class context
{
      public:
	alog_t *get() const { return ctx_; }
	bool enabled(alog_level level) const { return alog_enabled(ctx_, level); }
	int set_level(alog_level level) { return alog_set_level(ctx_, level); }
	/* Empty outside a run. */
	std::string_view run_id() const
	{
		const char *id = alog_run_id(ctx_);

		return id != nullptr ? std::string_view(id) : std::string_view();
	}

	int emit(alog_level level, const char *msg, fields list = {})
	{
		return alog_emitv(ctx_, level, msg, detail::data(list), list.size());
	}
	int trace(const char *msg, fields list = {}) { return emit(ALOG_LEVEL_TRACE, msg, list); }
	int debug(const char *msg, fields list = {}) { return emit(ALOG_LEVEL_DEBUG, msg, list); }
	int info(const char *msg, fields list = {}) { return emit(ALOG_LEVEL_INFO, msg, list); }
	int notice(const char *msg, fields list = {}) { return emit(ALOG_LEVEL_NOTICE, msg, list); }
	int warn(const char *msg, fields list = {}) { return emit(ALOG_LEVEL_WARN, msg, list); }
	int error(const char *msg, fields list = {}) { return emit(ALOG_LEVEL_ERROR, msg, list); }
	int critical(const char *msg, fields list = {})
	{
		return emit(ALOG_LEVEL_CRITICAL, msg, list);
	}
	/* 0: durable. */
	int audit(const char *event, fields list = {})
	{
		return alog_auditv(ctx_, nullptr, event, detail::data(list), list.size());
	}
	int sync(int timeout_ms = -1) { return alog_sync(ctx_, timeout_ms); }

	context(const context &) = delete;
	context &operator=(const context &) = delete;

      protected:
	explicit context(alog_t *ctx = nullptr) : ctx_(ctx) {}
	context(context &&other) noexcept : ctx_(std::exchange(other.ctx_, nullptr)) {}
	~context() = default;

	alog_t *ctx_;
};

/* Closed at the end of its life, or by close(), which tells the first error. */
class logger : public context
{
      public:
	logger() = default;
	logger(logger &&) noexcept = default;
	~logger() { (void)close(); }

	/* Sets opt.size by itself.  A logger that is open is closed first. */
	int open(alog_options opt, alog_error *err = nullptr)
	{
		(void)close();
		opt.size = sizeof opt;
		return alog_open(&ctx_, &opt, err);
	}
	int close() { return alog_close(std::exchange(ctx_, nullptr)); }
};

/* A context with fields bound to it. */
class bound : public context
{
      public:
	bound(const context &parent, fields list)
	{
		(void)alog_bindv(&ctx_, parent.get(), detail::data(list), list.size(), nullptr);
	}
	bound(bound &&) noexcept = default;
	~bound() { alog_free(ctx_); }
};

namespace detail
{
/* Ends as failed when told so, or when an exception leaves the block it lives in. */
class outcome
{
      public:
	void fail() { failed_ = true; }
	alog_status status() const
	{
		return failed_ || std::uncaught_exceptions() > pending_ ? ALOG_FAILED : ALOG_OK;
	}

      private:
	int pending_ = std::uncaught_exceptions();
	bool failed_ = false;
};
}

class run : public context
{
      public:
	/* id empty: a new UUIDv7. */
	explicit run(const context &parent, const std::string &id = {}, fields list = {})
	    : context(alog_run_beginv(parent.get(), id.empty() ? nullptr : id.c_str(),
		  detail::data(list), list.size()))
	{
	}
	run(run &&) noexcept = default;
	~run() { (void)end(); }

	void fail() { outcome_.fail(); }
	int end(fields list = {})
	{
		return alog_run_endv(std::exchange(ctx_, nullptr), outcome_.status(),
		    detail::data(list), list.size());
	}

      private:
	detail::outcome outcome_;
};

class stage : public context
{
      public:
	stage(const context &parent, const char *name, fields list = {})
	    : context(alog_stage_beginv(parent.get(), name, detail::data(list), list.size()))
	{
	}
	stage(stage &&) noexcept = default;
	~stage() { (void)end(); }

	void fail() { outcome_.fail(); }
	int end(fields list = {})
	{
		return alog_stage_endv(std::exchange(ctx_, nullptr), outcome_.status(),
		    detail::data(list), list.size());
	}

      private:
	detail::outcome outcome_;
};

}

#endif /* LIBLOG_HPP */
