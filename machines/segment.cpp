#include "machines/segment.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <span>
#include <thread>

#include "machines/files.h"

namespace ferry::machines {
namespace {

constexpr u64 kPiece = u64{2} << 20;  // a huge page of the host's
constexpr u64 kThreads = 4;           // at most

// Memory that is touched for the first time is cleared by the host's kernel, or got from where that runs itself, which
// costs more than the copy: several threads share it.
template <class F>
Status in_pieces(u64 size, const F& copy) {
  std::atomic<u64> next{0};
  std::mutex mutex;
  Status first;
  const auto work = [&] {
    for (u64 at = next.fetch_add(kPiece); at < size; at = next.fetch_add(kPiece)) {
      const Status status = copy(at, std::min(kPiece, size - at));
      const std::lock_guard lock(mutex);
      if (!status && first) first = status;
    }
  };
  const u64 threads = std::min({kThreads, u64{std::thread::hardware_concurrency()}, size / (2 * kPiece)});
  std::vector<std::jthread> others;
  for (u64 i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  others.clear();
  return first;
}

}  // namespace

u64 Segment::content_size() const { return file != nullptr ? file->size() : bytes.size(); }

Status Segment::copy_content(u8* to) const {
  return in_pieces(content_size(), [&](u64 at, u64 count) -> Status {
    if (file != nullptr) return file->read(std::span(to + at, count), at);
    std::memcpy(to + at, bytes.data() + at, count);
    return {};
  });
}

}  // namespace ferry::machines
