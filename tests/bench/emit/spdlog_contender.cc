// spdlog_contender - spdlog as a contender: the same record as JSON, by its formatter.
#include "contender.h"

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

static std::shared_ptr<spdlog::logger> loggers[2];

int
spdlog_open(const contender *c, const char *dir)
{
	const std::string name = c->arg != 0 ? "async" : "sync";
	const std::string path = std::string(dir) + "/spdlog." + name + ".jsonl";
	auto &logger = loggers[c->arg];

	if (c->arg != 0) {
		spdlog::init_thread_pool(8192, 1);
		logger = spdlog::basic_logger_mt<spdlog::async_factory>(name, path, true);
	} else {
		logger = spdlog::basic_logger_mt(name, path, true);
	}
	logger->set_pattern("{\"ts\":\"%Y-%m-%dT%H:%M:%S.%f\",\"level\":\"%l\",\"pid\":%P,%v}");
	return 0;
}

void
spdlog_emit(const contender *c, unsigned i)
{
	loggers[c->arg]->info(
	    "\"run_id\":\"{}\",\"service\":\"{}\",\"host\":\"{}\",\"stage\":\"{}\","
	    "\"msg\":\"{}\",\"i\":{},\"camera\":\"{}\",\"bytes\":{},\"ok\":{},"
	    "\"gpu\":{},\"score\":{}",
	    "0199feae-5b6c-7000-8000-0123456789ab", "detector", "node-01", "detection",
	    "frame done", i, "front-left", 123456, true, 0, 0.75);
}

void
spdlog_written(const contender *c)
{
	loggers[c->arg]->flush();
	// It only queues that.
	while (c->arg != 0 && spdlog::thread_pool()->queue_size() > 0)
		std::this_thread::sleep_for(std::chrono::microseconds(200));
}

void
spdlog_close(const contender *c)
{
	loggers[c->arg]->flush();
	spdlog::drop(loggers[c->arg]->name());
	loggers[c->arg].reset();
	// Its thread writes what is queued, and ends.
	if (c->arg != 0)
		spdlog::details::registry::instance().set_tp(nullptr);
}
