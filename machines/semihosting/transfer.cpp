// The operations that move bytes between guest memory and files or the console. Long ones come back in pieces, so that
// the processor stays able to take interrupts, stop, and answer other processors.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/log.h"
#include "machines/semihosting/features.h"
#include "machines/semihosting/semihosting.h"

namespace ferry::machines {
namespace {

constexpr usize kPiece = 64 << 10;
constexpr u64 kPage = 4096;

}  // namespace

// --- Calls that are made again

u64 Semihosting::progress(const Call& c) {
  const std::lock_guard lock(mutex_);
  for (const Progress& p : progress_)
    if (p.cpu == c.cpu && p.pc == c.pc && p.parameter == c.parameter && p.operation == c.operation) return p.done;
  return 0;
}

Semihosting::Outcome Semihosting::again(const Call& c, u64 done_now, Outcome::Kind kind) {
  done(c, 0);
  if (done_now != 0) {
    const std::lock_guard lock(mutex_);
    progress_.push_back({c.cpu, c.pc, c.parameter, c.operation, done_now});
  }
  return {.kind = kind};
}

Semihosting::Outcome Semihosting::done(const Call& c, u64 result) {
  const std::lock_guard lock(mutex_);
  std::erase_if(progress_, [&](const Progress& p) {
    return p.cpu == c.cpu && p.pc == c.pc && p.parameter == c.parameter && p.operation == c.operation;
  });
  return {.result = result};
}

// --- One piece of a file. Minus an errno, or a count; -EAGAIN: the console has no room or no input yet. The lock is
// held.

i64 Semihosting::read_some(File& f, std::span<u8> to) {
  switch (f.kind) {
    case File::Kind::Host: {
      const ssize_t got = ::read(f.fd, to.data(), to.size());
      return got < 0 ? -errno : got;
    }
    case File::Kind::Features: {
      const usize count = std::min(to.size(), std::size(kSemihostingFeatures) - f.position);
      std::copy_n(kSemihostingFeatures + f.position, count, to.begin());
      f.position += count;
      return static_cast<i64>(count);
    }
    case File::Kind::Input: {
      if (config_.console == nullptr) return 0;
      const bool ended = config_.console->ended();  // asked first: what comes before the end is not missed
      const usize got = config_.console->read(to);
      return got == 0 && !ended ? -EAGAIN : static_cast<i64>(got);
    }
    case File::Kind::Free:
    case File::Kind::Output:
    case File::Kind::Error: break;
  }
  return -EBADF;
}

i64 Semihosting::write_some(File& f, std::span<const u8> from) {
  switch (f.kind) {
    case File::Kind::Host: {
      const ssize_t put = ::write(f.fd, from.data(), from.size());
      return put < 0 ? -errno : put;
    }
    case File::Kind::Output: {
      if (config_.console == nullptr) return static_cast<i64>(from.size());
      const usize put = config_.console->write(from);
      return put == 0 ? -EAGAIN : static_cast<i64>(put);
    }
    case File::Kind::Error:
      if (config_.console != nullptr) config_.console->write_error(from);
      return static_cast<i64>(from.size());
    case File::Kind::Free:
    case File::Kind::Input:
    case File::Kind::Features: break;
  }
  return -EBADF;
}

// --- The operations

// SYS_WRITEC: the parameter points to the character.
Semihosting::Outcome Semihosting::write_character(Call& c) {
  u8 character[1];
  if (!c.memory.read(c.parameter, character)) return bad_memory(c, c.parameter);
  File console{.kind = File::Kind::Output};
  return write_some(console, character) == -EAGAIN ? Outcome{.kind = Outcome::Kind::Wait} : Outcome{.result = 0};
}

// SYS_WRITE0: the parameter points to a string that ends with a zero.
Semihosting::Outcome Semihosting::write_string(Call& c) {
  const u64 before = progress(c);
  u8 page[kPage];
  const u64 at = c.parameter + before;
  const usize size = static_cast<usize>(kPage - at % kPage);
  const std::span<u8> piece(page, size);
  if (!c.memory.read(at, piece)) {
    done(c, 0);
    return bad_memory(c, at);
  }
  const usize length = static_cast<usize>(std::find(piece.begin(), piece.end(), u8{0}) - piece.begin());
  File console{.kind = File::Kind::Output};
  const i64 put = length == 0 ? 0 : write_some(console, piece.first(length));
  if (put == -EAGAIN) return again(c, before, Outcome::Kind::Wait);
  if (static_cast<usize>(put) < length || length == size)
    return again(c, before + static_cast<u64>(put), Outcome::Kind::More);
  return done(c, 0);
}

// SYS_WRITE: how many bytes were not written.
Semihosting::Outcome Semihosting::write(Call& c) {
  const u64 size = c.args[2], before = std::min(progress(c), size), left = size - before;
  std::vector<u8> piece(static_cast<usize>(std::min<u64>(left, kPiece)));
  const bool there = c.memory.read(c.args[1] + before, piece);
  i64 put = 0;
  {
    const std::lock_guard lock(mutex_);
    File* f = file(c.args[0]);
    put = f == nullptr ? -EBADF : !there ? -EFAULT : piece.empty() ? 0 : write_some(*f, piece);
    if (put < 0 && put != -EAGAIN) error_ = static_cast<int>(-put);
  }
  if (put == -EAGAIN) return again(c, before, Outcome::Kind::Wait);
  if (!there) bad_memory(c, c.args[1] + before);
  if (put < 0) return done(c, left);
  if (static_cast<u64>(put) < left && put != 0) return again(c, before + static_cast<u64>(put), Outcome::Kind::More);
  return done(c, left - static_cast<u64>(put));
}

// SYS_READ: how many bytes of the buffer were not filled. The console gives what has been typed, a file everything up
// to its end.
Semihosting::Outcome Semihosting::read(Call& c) {
  const u64 size = c.args[2], before = std::min(progress(c), size), left = size - before;
  std::vector<u8> piece(static_cast<usize>(std::min<u64>(left, kPiece)));
  i64 got = 0;
  bool from_file = false;
  {
    const std::lock_guard lock(mutex_);
    File* f = file(c.args[0]);
    got = f == nullptr ? -EBADF : piece.empty() ? 0 : read_some(*f, piece);
    from_file = f != nullptr && f->kind == File::Kind::Host;
    if (got < 0 && got != -EAGAIN) error_ = static_cast<int>(-got);
  }
  if (got == -EAGAIN) return {.kind = Outcome::Kind::Wait};
  if (got <= 0) return done(c, left);
  const std::span<const u8> filled(piece.data(), static_cast<usize>(got));
  if (!c.memory.write(c.args[1] + before, filled)) {
    const std::lock_guard lock(mutex_);
    // A call that failed has read nothing.
    if (File* f = file(c.args[0]); f != nullptr && from_file) lseek(f->fd, -static_cast<off_t>(got), SEEK_CUR);
  } else if (from_file && static_cast<u64>(got) < left) {
    return again(c, before + static_cast<u64>(got), Outcome::Kind::More);
  } else {
    return done(c, left - static_cast<u64>(got));
  }
  done(c, 0);
  return bad_memory(c, c.args[1] + before, left);
}

// SYS_READC: one character. The manual has no word for the end of input; C has EOF.
Semihosting::Outcome Semihosting::read_character(Call&) {
  u8 character[1];
  File console{.kind = File::Kind::Input};
  const i64 got = read_some(console, character);
  if (got == -EAGAIN) return {.kind = Outcome::Kind::Wait};
  return {.result = got == 1 ? character[0] : ~u64{0}};
}

}  // namespace ferry::machines
