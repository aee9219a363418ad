// The console of the bare-metal test programs: the PL011 of the virt board, as it is after reset.
#pragma once
typedef unsigned long u64;
typedef unsigned int u32;
static volatile u32* const uart = (volatile u32*)0x09000000;
static inline void put(char c) { *uart = (u32)c; }
static inline void text(const char* s) {
  while (*s) put(*s++);
}
static inline void hex(u64 v) {
  int started = 0;
  for (int i = 60; i >= 0; i -= 4) {
    unsigned d = (unsigned)(v >> i) & 15;
    if (d || started || i == 0) {
      put("0123456789abcdef"[d]);
      started = 1;
    }
  }
}
static inline void decimal(unsigned v) {
  if (v >= 10) put((char)('0' + v / 10));
  put((char)('0' + v % 10));
}
// The compiler may call it.
void* memset(void* to, int c, u64 n) {
  volatile char* p = to;
  while (n-- > 0) *p++ = (char)c;
  return to;
}
