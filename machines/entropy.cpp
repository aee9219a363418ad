#include "machines/entropy.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>

namespace ferry::machines {

void HostEntropy::fill(std::span<u8> to) {
  while (!to.empty()) {
    const ssize_t got = getrandom(to.data(), to.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    ASSERT(got > 0, "getrandom has no other errors once the host is up");
    to = to.subspan(static_cast<usize>(got));
  }
}

void SeededEntropy::fill(std::span<u8> to) {
  const std::lock_guard lock(mutex_);
  while (!to.empty()) {
    const u64 word = random_.next();
    const usize count = std::min<usize>(to.size(), sizeof(word));
    for (usize i = 0; i < count; ++i) to[i] = static_cast<u8>(word >> (8 * i));
    to = to.subspan(count);
  }
}

u64 host_random_number() {
  u8 bytes[sizeof(u64)];
  HostEntropy().fill(bytes);
  u64 number = 0;
  for (u8 byte : bytes) number = number << 8 | byte;
  return number;
}

}  // namespace ferry::machines
