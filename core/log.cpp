#include "core/log.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <mutex>

namespace ferry {
namespace detail {
std::atomic<u32> log_mask{0};
}

namespace {

struct Category {
  const char* name;
  const char* sentence;
};
constexpr Category kCategories[] = {
#define X(symbol, name, sentence) {name, sentence},
    FERRY_LOG_CATEGORIES(X)
#undef X
};

constexpr unsigned kLinesPerSecond = 200;

std::mutex log_mutex;
std::FILE* log_file = nullptr;  // null: stderr

// How much of this second's allowance a rate-limited category has used; guarded by log_mutex.
struct Allowance {
  std::chrono::steady_clock::time_point since;
  unsigned used = 0;
  u64 left_out = 0;
};
std::array<Allowance, std::size(kCategories)> allowances;

bool limited(LogCategory category) { return category == LogCategory::kGuestErrors || category == LogCategory::kUnimp; }

void write_line(std::string_view text) {
  std::FILE* out = log_file != nullptr ? log_file : stderr;
  std::fwrite(text.data(), 1, text.size(), out);
  if (text.empty() || text.back() != '\n') std::fputc('\n', out);
}

bool allowed(LogCategory category) {
  Allowance& allowance = allowances[static_cast<usize>(category)];
  const auto now = std::chrono::steady_clock::now();
  if (now - allowance.since >= std::chrono::seconds(1)) {
    if (allowance.left_out != 0) {
      write_line(fmt::format("{}: {} more lines left out", kCategories[static_cast<usize>(category)].name,
                             allowance.left_out));
    }
    allowance = {now, 0, 0};
  }
  if (allowance.used >= kLinesPerSecond) {
    ++allowance.left_out;
    return false;
  }
  ++allowance.used;
  return true;
}

}  // namespace

Result<u32> parse_log_categories(std::string_view list) {
  u32 mask = 0;
  while (!list.empty()) {
    const usize comma = list.find(',');
    const std::string_view word = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    bool found = false;
    for (usize i = 0; i < std::size(kCategories); ++i) {
      if (word != kCategories[i].name && word != "all") continue;
      mask |= u32{1} << i;
      found = true;
    }
    if (found || word.empty()) continue;
    std::string known;
    for (const Category& category : kCategories) known += fmt::format(" {}", category.name);
    return Error{fmt::format("-d: unknown log category '{}', expected one of:{}", word, known)};
  }
  return mask;
}

std::string log_help() {
  std::string text = "log categories of -d, separated by commas:\n";
  for (const Category& category : kCategories) text += fmt::format("  {:<14} {}\n", category.name, category.sentence);
  return text + fmt::format("  {:<14} {}\n", "all", "all of them");
}

void set_log_mask(u32 mask) { detail::log_mask = mask; }

Status set_log_file(const std::string& path) {
  std::FILE* file = nullptr;
  if (!path.empty()) {
    file = std::fopen(path.c_str(), "we");
    if (file == nullptr) return Error{fmt::format("{}: {}, expected a log file to write", path, std::strerror(errno))};
  }
  const std::lock_guard lock(log_mutex);
  if (log_file != nullptr) std::fclose(log_file);
  log_file = file;
  return {};
}

void flush_log() {
  const std::lock_guard lock(log_mutex);
  std::fflush(log_file != nullptr ? log_file : stderr);
}

void log_text(LogCategory category, std::string_view text) {
  const std::lock_guard lock(log_mutex);
  if (limited(category) && !allowed(category)) return;
  write_line(text);
}

void detail::log_formatted(LogCategory category, fmt::string_view format, fmt::format_args arguments) {
  log_text(category, fmt::vformat(format, arguments));
}

}  // namespace ferry
