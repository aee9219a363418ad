#include "control/stream_backend.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace ferry::control {
namespace {

constexpr usize kMostInput = 64 << 10;
constexpr usize kMostOutput = 4 << 20;
// A guest prints byte by byte: waking a thread for each would cost more than the byte. A person does not see 2 ms.
constexpr auto kGather = std::chrono::milliseconds(2);
constexpr auto kLastWords = std::chrono::seconds(1);

}  // namespace

StreamBackend::StreamBackend(const Config& config) : config_(config) {
  if (pipe2(wake_, O_CLOEXEC | O_NONBLOCK) != 0) wake_[0] = wake_[1] = -1;
  post_ = [](const std::function<void()>& call) { call(); };
}

StreamBackend::~StreamBackend() {
  stop();
  for (int fd : wake_) {
    if (fd >= 0) close(fd);
  }
  if (!config_.close_on_end) return;
  if (config_.output >= 0) close(config_.output);
  if (config_.input >= 0 && config_.input != config_.output) close(config_.input);
}

void StreamBackend::start() {
  output_thread_ = std::thread([this] { output_loop(); });
  if (config_.input >= 0) input_thread_ = std::thread([this] { input_loop(); });
}

void StreamBackend::stop() {
  {
    std::unique_lock lock(output_mutex_);
    if (output_thread_.joinable())
      output_empty_.wait_for(lock, kLastWords, [this] { return (output_.empty() && !writing_) || broken_; });
    stopping_ = true;
    output_ready_.notify_all();
  }
  poke();
  if (input_thread_.joinable()) input_thread_.join();
  if (output_thread_.joinable()) output_thread_.join();
}

void StreamBackend::poke() {
  const char byte = 0;
  if (wake_[1] >= 0) (void)!::write(wake_[1], &byte, 1);
}

// --- Output
// -------------------------------------------------------------------------------------------------------------------

usize StreamBackend::write(std::span<const u8> bytes) {
  const std::lock_guard lock(output_mutex_);
  if (config_.output < 0 || broken_ || stopping_) return bytes.size();
  const usize count = std::min(bytes.size(), kMostOutput - std::min(kMostOutput, output_.size()));
  if (count < bytes.size()) was_full_ = true;
  const bool was_empty = output_.empty();
  output_.append(reinterpret_cast<const char*>(bytes.data()), count);
  if (was_empty && count > 0) output_ready_.notify_one();
  return count;
}

void StreamBackend::print(std::string_view text) {
  const std::lock_guard lock(output_mutex_);
  output_.append(text);
  output_ready_.notify_one();
}

void StreamBackend::output_loop() {
  std::unique_lock lock(output_mutex_);
  for (;;) {
    output_ready_.wait(lock, [this] { return stopping_ || !output_.empty(); });
    if (output_.empty()) return;
    if (!stopping_) {
      lock.unlock();
      std::this_thread::sleep_for(kGather);
      lock.lock();
    }
    std::string text;
    text.swap(output_);
    writing_ = true;
    const bool wake_device = std::exchange(was_full_, false);
    lock.unlock();
    const bool taken = drain(text);
    if (wake_device) {
      const std::lock_guard listener(listener_mutex_);
      if (on_writable_)
        post_([this] {
          const std::lock_guard again(listener_mutex_);
          if (on_writable_) on_writable_();
        });
    }
    lock.lock();
    writing_ = false;
    if (!taken) broken_ = true;
    output_empty_.notify_all();
    if (broken_) output_.clear();
  }
}

// Writes everything; false when the other side is gone, full, or does not take it and we are to end.
bool StreamBackend::drain(std::string_view text) {
  while (!text.empty()) {
    pollfd wait{config_.output, POLLOUT, 0};
    const int ready = poll(&wait, 1, 100);
    if (ready == 0) {
      const std::lock_guard lock(output_mutex_);
      if (stopping_) return false;
      continue;
    }
    const ssize_t done = ::write(config_.output, text.data(), std::min<usize>(text.size(), 4096));
    if (done < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (done < 0) {
      if (errno != EPIPE && errno != EIO)
        fmt::print(stderr, "ferry: {}: output is lost from here on: {}\n", config_.name, std::strerror(errno));
      return false;
    }
    text.remove_prefix(static_cast<usize>(done));
  }
  return true;
}

// --- Input
// --------------------------------------------------------------------------------------------------------------------

void StreamBackend::input_loop() {
  bool open = true;
  for (;;) {
    usize waiting;
    {
      const std::lock_guard lock(input_mutex_);
      waiting = input_.size();
    }
    pollfd watch[2] = {{wake_[0], POLLIN, 0}, {config_.input, POLLIN, 0}};
    const bool listen = open && waiting < kMostInput;
    if (poll(watch, listen ? 2 : 1, -1) < 0 && errno != EINTR) return;
    {
      const std::lock_guard lock(output_mutex_);
      if (stopping_) return;
    }
    char buffer[256];
    while (::read(wake_[0], buffer, sizeof(buffer)) > 0) continue;
    if (!listen || watch[1].revents == 0) continue;
    const ssize_t got = ::read(config_.input, buffer, sizeof(buffer));
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0 && errno == EIO &&
        config_.input == config_.output) {  // nobody has the other end of the pseudo-terminal open
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    if (got <= 0) {
      open = false;
      const std::lock_guard lock(input_mutex_);
      input_open_ = false;
      continue;
    }
    for (ssize_t i = 0; i < got; ++i) typed(buffer[i]);
    announce_input();
  }
}

void StreamBackend::typed(char c) {
  if (!config_.escapes) return to_guest(c);
  switch (keys_.type(c)) {
    case EscapeKeys::Action::None: break;
    case EscapeKeys::Action::Pass: in_monitor_ ? to_monitor(c) : to_guest(c); break;
    case EscapeKeys::Action::Help: print(escape_help()); break;
    case EscapeKeys::Action::Quit:
      if (quit_) quit_();
      break;
    case EscapeKeys::Action::ToggleMonitor:
      in_monitor_ = !in_monitor_;
      print(in_monitor_ ? "\nferry's monitor; help lists the commands, Ctrl-A c goes back\n(ferry) " : "\n");
      break;
  }
}

void StreamBackend::to_guest(char c) {
  const std::lock_guard lock(input_mutex_);
  input_.push_back(static_cast<u8>(c));
}

void StreamBackend::to_monitor(char c) {
  std::string echo;
  const bool complete = editor_.type(c, echo);
  print(echo);
  if (!complete) return;
  if (monitor_) print(monitor_(editor_.line()));
  print("(ferry) ");
}

void StreamBackend::announce_input() {
  {
    const std::lock_guard lock(input_mutex_);
    if (input_.empty()) return;
  }
  post_([this] {
    const std::lock_guard lock(listener_mutex_);
    if (on_input_) on_input_();
  });
}

bool StreamBackend::input_ended() {
  const std::lock_guard lock(input_mutex_);
  return input_.empty() && (config_.input < 0 || !input_open_);
}

usize StreamBackend::read(std::span<u8> buffer) {
  bool was_full;
  usize count;
  {
    const std::lock_guard lock(input_mutex_);
    was_full = input_.size() >= kMostInput;
    count = std::min(buffer.size(), input_.size());
    std::copy_n(input_.begin(), count, buffer.begin());
    input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  if (was_full && count > 0) poke();
  return count;
}

void StreamBackend::set_listener(std::function<void()> input, std::function<void()> writable) {
  const std::lock_guard lock(listener_mutex_);
  on_input_ = std::move(input);
  on_writable_ = std::move(writable);
}

}  // namespace ferry::control
