#include "control/watched_serial.h"

namespace ferry::control {

StreamSearch::StreamSearch(std::string wanted) : wanted_(std::move(wanted)), fallback_(wanted_.size() + 1) {
  for (usize i = 1, length = 0; i < wanted_.size(); ++i) {
    while (length > 0 && wanted_[i] != wanted_[length]) length = fallback_[length];
    if (wanted_[i] == wanted_[length]) ++length;
    fallback_[i + 1] = length;
  }
}

bool StreamSearch::feed(u8 byte) {
  if (found_) return true;
  const char c = static_cast<char>(byte);
  while (matched_ > 0 && wanted_[matched_] != c) matched_ = fallback_[matched_];
  if (wanted_[matched_] == c) ++matched_;
  found_ = matched_ == wanted_.size();
  return found_;
}

void WatchedSerial::expect(std::string wanted, std::function<void()> seen) {
  search_ = std::make_unique<StreamSearch>(std::move(wanted));
  seen_ = std::move(seen);
}

usize WatchedSerial::write(std::span<const u8> bytes) {
  const usize accepted = inner_.write(bytes);
  bool seen = false;
  {
    const std::lock_guard lock(mutex_);
    u64 hash = hash_;
    for (u8 byte : bytes.first(accepted)) {
      hash = (hash ^ byte) * 0x100000001b3;
      if (search_ && !search_->found()) seen |= search_->feed(byte);
    }
    hash_ = hash;
    count_ += accepted;
  }
  if (seen) seen_();
  return accepted;
}

}  // namespace ferry::control
