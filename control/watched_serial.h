// The first serial line as the run controller watches it: the string of --expect, silence, a hash of what was printed.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/ports.h"

namespace ferry::control {

// Finds a string in a stream of bytes, however it is cut (Knuth, Morris, Pratt).
class StreamSearch {
 public:
  explicit StreamSearch(std::string wanted);
  // True once the string has been seen, from the byte that completes it on.
  bool feed(u8 byte);
  bool found() const { return found_; }

 private:
  std::string wanted_;
  std::vector<usize> fallback_;
  usize matched_ = 0;
  bool found_ = false;
};

class WatchedSerial final : public CharBackend {
 public:
  explicit WatchedSerial(CharBackend& inner) : inner_(inner) {}

  // Calls `seen` once, on the writing thread, when the string has been accepted. Before the first write.
  void expect(std::string wanted, std::function<void()> seen);
  bool silent() const { return count_ == 0; }  // nothing was printed yet
  u64 count() const { return count_; }
  u64 hash() const { return hash_; }  // FNV-1a of everything printed

  usize write(std::span<const u8> bytes) override;
  usize read(std::span<u8> buffer) override { return inner_.read(buffer); }
  void set_listener(std::function<void()> input, std::function<void()> writable) override {
    inner_.set_listener(std::move(input), std::move(writable));
  }

 private:
  CharBackend& inner_;
  std::mutex mutex_;
  std::unique_ptr<StreamSearch> search_;
  std::function<void()> seen_;
  std::atomic<u64> count_{0};
  std::atomic<u64> hash_{0xcbf29ce484222325};
};

// Takes everything, gives nothing.
class NullBackend final : public CharBackend {
 public:
  usize write(std::span<const u8> bytes) override { return bytes.size(); }
  usize read(std::span<u8>) override { return 0; }
  void set_listener(std::function<void()>, std::function<void()>) override {}
};

}  // namespace ferry::control
