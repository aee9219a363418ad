// ASSERT: our own invariants. A failure says what held no longer, and ends the program with status 70 (kExitInternal).
#pragma once

namespace ferry {

constexpr int kExitInternal = 70;

// Prints the sentence, the place and whatever reproduction lines were registered, then ends with status 70.
[[noreturn]] void assertion_failed(const char* condition, const char* sentence, const char* file, int line);

// Called (once, at most) by assertion_failed and fatal signals: prints what is needed to reproduce the fault to stderr.
void set_reproduction_printer(void (*print)());

}  // namespace ferry

#define ASSERT(condition, sentence)                  \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::ferry::assertion_failed(#condition, sentence, __FILE__, __LINE__))
#define UNREACHABLE(sentence) ::ferry::assertion_failed("unreachable", sentence, __FILE__, __LINE__)
