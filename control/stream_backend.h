// A character back end on host file descriptors: the terminal, a pipe, a pseudo-terminal, a file.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "control/escape.h"
#include "core/ports.h"

namespace ferry::control {

class StreamBackend final : public CharBackend {
 public:
  struct Config {
    int input = -1;  // -1: no input
    int output = -1;
    bool escapes = false;         // Ctrl-A keys and the monitor
    bool close_on_end = false;    // the descriptors are ours
    std::string name = "serial";  // for messages
  };
  explicit StreamBackend(const Config& config);
  ~StreamBackend() override;

  // What the Ctrl-A keys do; both are called on the input thread. The monitor takes a line and returns what to print.
  // Set before start().
  void set_quit(std::function<void()> quit) { quit_ = std::move(quit); }
  void set_monitor(std::function<std::string(std::string_view)> monitor) { monitor_ = std::move(monitor); }
  // How "input has come" reaches the device: directly (the default), or through the event queue in virtual time.
  void set_poster(std::function<void(std::function<void()>)> post) { post_ = std::move(post); }

  void start();
  // Ends the threads; what was written has left, unless the other side does not take it within a second.
  void stop();
  // Text of ferry's own, in order with the guest's.
  void print(std::string_view text);
  // The host side has ended and all its input was read.
  bool input_ended();

  // CharBackend
  usize write(std::span<const u8> bytes) override;
  usize read(std::span<u8> buffer) override;
  void set_listener(std::function<void()> input, std::function<void()> writable) override;

 private:
  void input_loop();
  void output_loop();
  void typed(char c);
  void to_guest(char c);
  void to_monitor(char c);
  void announce_input();
  bool drain(std::string_view text);
  void poke();

  const Config config_;
  std::function<void()> quit_;
  std::function<std::string(std::string_view)> monitor_;
  std::function<void(std::function<void()>)> post_;

  std::mutex input_mutex_;
  std::deque<u8> input_;
  bool input_open_ = true;

  std::recursive_mutex listener_mutex_;  // held while a listener runs, so that set_listener waits for it
  std::function<void()> on_input_, on_writable_;

  std::mutex output_mutex_;
  std::condition_variable output_ready_, output_empty_;
  std::string output_;
  bool writing_ = false;
  bool was_full_ = false;
  bool broken_ = false;  // the host side takes nothing any more; said once
  bool stopping_ = false;

  EscapeKeys keys_;
  LineEditor editor_;
  bool in_monitor_ = false;
  int wake_[2] = {-1, -1};  // a pipe that ends the input thread's waiting
  std::thread input_thread_, output_thread_;
};

}  // namespace ferry::control
