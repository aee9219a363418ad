// The log: categories switched by `-d`, written to stderr or the file of `-D`, one line a message. Like stderr it
// belongs to the process; it holds no machine state.
#pragma once
#include <fmt/core.h>

#include <atomic>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/types.h"

namespace ferry {

// name of `-d`, sentence for `-d help`
#define FERRY_LOG_CATEGORIES(X)                                               \
  X(kInAsm, "in_asm", "guest code of each block as it is translated")         \
  X(kOp, "op", "IR of each block after the passes")                           \
  X(kOutAsm, "out_asm", "host code of each block")                            \
  X(kInt, "int", "exceptions and interrupts as they are taken")               \
  X(kExec, "exec", "each block before it runs, with its address")             \
  X(kMmu, "mmu", "page table walks, bank changes and TLB maintenance")        \
  X(kDevice, "device", "every device register access")                        \
  X(kGuestErrors, "guest_errors", "what the guest did that no manual allows") \
  X(kUnimp, "unimp", "what the guest asked for that ferry does not model")    \
  X(kTier, "tier", "promotions, compilations, evictions of translated code")  \
  X(kMachine, "machine", "boards, loaders, boot and power")

enum class LogCategory : u32 {
#define X(symbol, name, sentence) symbol,
  FERRY_LOG_CATEGORIES(X)
#undef X
};

namespace detail {
extern std::atomic<u32> log_mask;
void log_formatted(LogCategory category, fmt::string_view format, fmt::format_args arguments);
}  // namespace detail

// One relaxed load: cheap enough for slow paths; never ask it per guest instruction.
inline bool log_enabled(LogCategory category) {
  return (detail::log_mask.load(std::memory_order_relaxed) >> static_cast<u32>(category) & 1) != 0;
}

// "int,guest_errors" to a mask for set_log_mask; an unknown name is an error that lists the known ones. "help" is the
// caller's.
Result<u32> parse_log_categories(std::string_view list);
// The text of `-d help`, a line a category.
std::string log_help();
void set_log_mask(u32 mask);
// Appends to the file of `-D` from now on (truncated first), or to stderr when path is empty.
Status set_log_file(const std::string& path);
void flush_log();

// Writes a line (a newline is added unless the text ends with one), whatever the mask says. Any thread; lines never
// mix.
void log_text(LogCategory category, std::string_view text);

// log(LogCategory::kInt, "taking {} at {:#x}", name, pc): formats only when the category is on.
template <class... T>
void log(LogCategory category, fmt::format_string<T...> format, T&&... arguments) {
  if (log_enabled(category)) detail::log_formatted(category, format, fmt::make_format_args(arguments...));
}

// For guest_errors and unimp, which a guest can cause at will: at most 200 lines a second of host time, then a count of
// what was left out. "DEVICE: sentence".
template <class... T>
void guest_error(fmt::format_string<T...> format, T&&... arguments) {
  log(LogCategory::kGuestErrors, format, std::forward<T>(arguments)...);
}
template <class... T>
void unimplemented(fmt::format_string<T...> format, T&&... arguments) {
  log(LogCategory::kUnimp, format, std::forward<T>(arguments)...);
}

}  // namespace ferry
