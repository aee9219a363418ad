// The console of semihosting calls on standard input, output and error.
#pragma once
#include "control/stream_backend.h"
#include "control/watched_serial.h"
#include "machines/semihosting/semihosting.h"

namespace ferry::control {

class SemihostingTerminal final : public machines::SemihostingConsole {
 public:
  // own_error: what is for standard error goes there; else to the stream as well.
  SemihostingTerminal(StreamBackend& stream, bool own_error)
      : stream_(stream), watched_(stream), own_error_(own_error) {}
  // What is printed passes here.
  WatchedSerial& watched() { return watched_; }

  usize write(std::span<const u8> bytes) override { return watched_.write(bytes); }
  void write_error(std::span<const u8> bytes) override;
  usize read(std::span<u8> to) override { return stream_.read(to); }
  bool ended() const override { return stream_.input_ended(); }

 private:
  StreamBackend& stream_;
  WatchedSerial watched_;
  bool own_error_;
};

}  // namespace ferry::control
