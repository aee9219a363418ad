// What code must know of ThreadSanitizer.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define FERRY_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FERRY_THREAD_SANITIZER 1
#endif
#endif
#ifndef FERRY_THREAD_SANITIZER
#define FERRY_THREAD_SANITIZER 0
#endif

// A function whose plain accesses are the guest's own, on which its processors may race.
#if FERRY_THREAD_SANITIZER
#define FERRY_GUEST_RACE __attribute__((no_sanitize("thread"), noinline))
#else
#define FERRY_GUEST_RACE
#endif
