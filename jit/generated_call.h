// Calls from C++ into code that ferry has made.
#pragma once

// UBSan compares a function's type with a mark in front of its first byte. Generated code has none, and the byte in
// front of the first piece of it is not even mapped.
#if defined(__clang__)
#define FERRY_CALLS_GENERATED __attribute__((no_sanitize("function")))
#else
#define FERRY_CALLS_GENERATED
#endif
