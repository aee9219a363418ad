#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "control/escape.h"
#include "control/exit_status.h"
#include "control/stream_backend.h"
#include "control/watched_serial.h"
#include "tests/catch.h"

using namespace ferry;
using namespace ferry::control;

namespace {

std::span<const u8> bytes(std::string_view text) { return {reinterpret_cast<const u8*>(text.data()), text.size()}; }

std::string read_some(int fd, usize count) {
  std::string text;
  while (text.size() < count) {
    char buffer[256];
    const ssize_t got = read(fd, buffer, std::min(sizeof(buffer), count - text.size()));
    if (got <= 0) break;
    text.append(buffer, static_cast<usize>(got));
  }
  return text;
}

struct Pipes {
  int in[2], out[2];
  Pipes() {
    REQUIRE(pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(pipe2(out, O_CLOEXEC) == 0);
  }
  ~Pipes() {
    for (int fd : {in[0], in[1], out[0], out[1]}) close(fd);
  }
  void type(std::string_view text) const {
    REQUIRE(write(in[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
};

template <class Condition>
bool soon(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace

TEST_CASE("the search finds a string however it is cut, also after a false start") {
  StreamSearch search("aab");
  std::string fed;
  for (char c : std::string("aaaxaa")) CHECK_FALSE(search.feed(static_cast<u8>(c)));
  CHECK(search.feed('b'));
  StreamSearch again("abcabd");
  for (char c : std::string("abcabcab")) CHECK_FALSE(again.feed(static_cast<u8>(c)));
  CHECK(again.feed('d'));
}

TEST_CASE("a watched line reports what was expected once, and hashes what was printed") {
  NullBackend null;
  WatchedSerial serial(null);
  int seen = 0;
  serial.expect("login:", [&] { ++seen; });
  CHECK(serial.silent());
  serial.write(bytes("debian log"));
  CHECK(seen == 0);
  CHECK_FALSE(serial.silent());
  serial.write(bytes("in: login:"));
  serial.write(bytes("login:"));
  CHECK(seen == 1);
  WatchedSerial other(null);
  other.write(bytes("debian login: login:login:"));
  CHECK(other.hash() == serial.hash());
}

TEST_CASE("Ctrl-A keys") {
  using Action = EscapeKeys::Action;
  EscapeKeys keys;
  CHECK(keys.type('x') == Action::Pass);
  CHECK(keys.type(1) == Action::None);
  CHECK(keys.type('x') == Action::Quit);
  CHECK(keys.type(1) == Action::None);
  CHECK(keys.type(1) == Action::Pass);
  CHECK(keys.type(1) == Action::None);
  CHECK(keys.type('c') == Action::ToggleMonitor);
  CHECK(keys.type(1) == Action::None);
  CHECK(keys.type('q') == Action::Help);
  CHECK(keys.type('q') == Action::Pass);
}

TEST_CASE("a typed line can be corrected") {
  LineEditor editor;
  std::string echo;
  for (char c : std::string("helx\x7fp")) CHECK_FALSE(editor.type(c, echo));
  CHECK(editor.type('\r', echo));
  CHECK(editor.line() == "help");
  CHECK_FALSE(editor.type('a', echo));
  CHECK(editor.line() == "a");
}

TEST_CASE("a stream carries both ways, in order, and none is lost") {
  Pipes pipes;
  StreamBackend stream({.input = pipes.in[0], .output = pipes.out[1]});
  std::atomic<int> calls{0};
  stream.set_listener([&] { ++calls; }, {});
  stream.start();
  pipes.type("hello\x01x");
  REQUIRE(soon([&] { return calls > 0; }));
  u8 buffer[16];
  usize got = 0;
  REQUIRE(soon([&] { return (got += stream.read(std::span(buffer).subspan(got))) == 7; }));
  CHECK(std::string(buffer, buffer + 7) == "hello\x01x");
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = std::to_string(i);
    REQUIRE(stream.write(bytes(text)) == text.size());
    all += text;
  }
  CHECK(read_some(pipes.out[0], all.size()) == all);
  stream.stop();
}

TEST_CASE("the monitor answers on the same stream, and Ctrl-A x quits") {
  Pipes pipes;
  StreamBackend stream({.input = pipes.in[0], .output = pipes.out[1], .escapes = true});
  std::atomic<bool> quit{false};
  stream.set_quit([&] { quit = true; });
  stream.set_monitor([](std::string_view line) { return "<" + std::string(line) + ">\n"; });
  stream.start();
  pipes.type(
      "\x01"
      "chi\r");
  std::string text;
  while (text.find("<hi>") == std::string::npos) text += read_some(pipes.out[0], 1);
  pipes.type(
      "\x01"
      "cab\x01"
      "x");
  REQUIRE(soon([&] { return quit.load(); }));
  u8 buffer[16];
  CHECK(stream.read(buffer) == 2);
  stream.stop();
}

TEST_CASE("a stream whose other end is gone does not block or end the guest") {
  Pipes pipes;
  signal(SIGPIPE, SIG_IGN);
  StreamBackend stream({.input = -1, .output = pipes.out[1]});
  stream.start();
  close(pipes.out[0]);
  pipes.out[0] = open("/dev/null", O_RDONLY);
  const std::string text(100000, 'x');
  for (int i = 0; i < 100; ++i) CHECK(soon([&] { return stream.write(bytes(text)) == text.size(); }));
  stream.stop();
}

TEST_CASE("exit statuses") {
  CHECK(exit_status(EndedBy::PowerOff, false) == 0);
  CHECK(exit_status(EndedBy::PowerOff, true) == 3);
  CHECK(exit_status(EndedBy::Reset, true) == 3);
  CHECK(exit_status(EndedBy::Expect, true) == 0);
  CHECK(exit_status(EndedBy::Quit, true) == 0);
  CHECK(exit_status(EndedBy::Timeout, true) == 124);
  CHECK(exit_status(EndedBy::Interrupt, false) == 130);
  CHECK(exit_status(EndedBy::Terminate, false) == 143);
}
