#include "machines/semihosting/semihosting.h"

#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "tests/catch.h"

using namespace ferry;
using namespace ferry::machines;

namespace {

constexpr u64 kBase = 0x40000000;

class Memory final : public GuestView {
 public:
  Memory() : bytes(64 << 10) {}
  bool read(u64 va, std::span<u8> to) override {
    if (!inside(va, to.size())) return false;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(va - kBase), to.size(), to.begin());
    return true;
  }
  bool write(u64 va, std::span<const u8> from) override {
    if (!inside(va, from.size())) return false;
    std::copy(from.begin(), from.end(), bytes.begin() + static_cast<std::ptrdiff_t>(va - kBase));
    return true;
  }
  u64 put(u64 at, std::string_view text) {
    std::memcpy(bytes.data() + at, text.data(), text.size());
    bytes[at + text.size()] = 0;
    return kBase + at;
  }
  u64 block(std::initializer_list<u64> words) {
    u64 at = 0;
    for (const u64 word : words) {
      std::memcpy(bytes.data() + at, &word, 8);
      at += 8;
    }
    return kBase;
  }
  std::vector<u8> bytes;

 private:
  bool inside(u64 va, u64 size) const {
    return va >= kBase && size <= bytes.size() && va - kBase <= bytes.size() - size;
  }
};

// Takes `room` bytes at a time.
class Console final : public SemihostingConsole {
 public:
  usize write(std::span<const u8> from) override {
    const usize count = std::min(from.size(), room);
    out.append(reinterpret_cast<const char*>(from.data()), count);
    return count;
  }
  void write_error(std::span<const u8> from) override {
    error.append(reinterpret_cast<const char*>(from.data()), from.size());
  }
  usize read(std::span<u8> to) override {
    const usize count = std::min(to.size(), in.size());
    std::memcpy(to.data(), in.data(), count);
    in.erase(0, count);
    return count;
  }
  bool ended() const override { return is_over && in.empty(); }
  std::string out, error, in;
  usize room = ~usize{0};
  bool is_over = false;
};

struct Fixture {
  Fixture() {
    char name[] = "/tmp/ferry-semihosting-XXXXXX";
    top = mkdtemp(name);
    std::filesystem::create_directory(top + "/inside");
    auto at = SemihostingFolder::at(top + "/inside");
    REQUIRE(at);
    host.emplace(Semihosting::Config{.console = &console, .command_line = "program argument"}, std::move(*at));
  }
  ~Fixture() { std::filesystem::remove_all(top); }

  Semihosting::Outcome once(u32 operation, u64 parameter) {
    Semihosting::Call call{.pc = 0x1000, .operation = operation, .parameter = parameter, .memory = memory};
    return host->call(call);
  }
  // Until it is done; `again` counts the repetitions.
  u64 call(u32 operation, u64 parameter) {
    for (again = 0;; ++again) {
      const auto outcome = once(operation, parameter);
      if (outcome.kind == Semihosting::Outcome::Kind::Done) return outcome.result;
      REQUIRE(outcome.kind != Semihosting::Outcome::Kind::Exit);
      REQUIRE(again < 100000);
    }
  }
  u64 open(std::string_view name, u64 mode) {
    const u64 at = memory.put(256, name);
    return call(1, memory.block({at, mode, name.size()}));
  }

  std::string top;
  Memory memory;
  Console console;
  std::optional<Semihosting> host;
  int again = 0;
};

}  // namespace

TEST_CASE("a console with little room gets every byte once, in order") {
  Fixture f;
  std::string text;
  for (int i = 0; i < 9000; ++i) text += static_cast<char>('a' + i % 23);
  f.console.room = 7;
  const u64 at = f.memory.put(0x1ff0, text);
  CHECK(f.call(4, at) == 0);
  CHECK(f.console.out == text);
  CHECK(f.again > 1000);

  f.console.out.clear();
  const u64 out = f.open(":tt", 4);
  f.memory.put(0x1ff0, text);
  CHECK(f.call(5, f.memory.block({out, at, text.size()})) == 0);
  CHECK(f.console.out == text);

  f.console.room = 0;
  CHECK(f.once(5, kBase).kind == Semihosting::Outcome::Kind::Wait);
  CHECK(f.once(4, at).kind == Semihosting::Outcome::Kind::Wait);
  CHECK(f.once(3, at).kind == Semihosting::Outcome::Kind::Wait);
}

TEST_CASE("reading waits for the console and ends with it") {
  Fixture f;
  const u64 in = f.open(":tt", 0);
  const u64 block = f.memory.block({in, kBase + 512, 10});
  CHECK(f.once(6, block).kind == Semihosting::Outcome::Kind::Wait);
  CHECK(f.once(7, 0).kind == Semihosting::Outcome::Kind::Wait);
  f.console.in = "abcd";
  CHECK(f.call(6, block) == 6);
  CHECK(std::memcmp(f.memory.bytes.data() + 512, "abcd", 4) == 0);
  f.console.in = "e";
  CHECK(f.call(7, 0) == 'e');
  f.console.is_over = true;
  CHECK(f.call(6, block) == 10);
  CHECK(f.call(7, 0) == ~u64{0});
}

TEST_CASE("two processors' interrupted calls do not mix") {
  Fixture f;
  std::string text(300, 'x');
  f.console.room = 100;
  const u64 a = f.memory.put(1024, text), b = f.memory.put(2048, std::string(150, 'y'));
  const auto step = [&](unsigned cpu, u64 at) {
    Semihosting::Call call{.cpu = cpu, .pc = 0x1000, .operation = 4, .parameter = at, .memory = f.memory};
    return f.host->call(call).kind == Semihosting::Outcome::Kind::Done;
  };
  CHECK_FALSE(step(0, a));
  CHECK_FALSE(step(1, b));
  CHECK_FALSE(step(0, a));
  CHECK(step(1, b));
  CHECK(step(0, a));
  CHECK(std::count(f.console.out.begin(), f.console.out.end(), 'x') == 300);
  CHECK(std::count(f.console.out.begin(), f.console.out.end(), 'y') == 150);
}

TEST_CASE("random calls do no harm") {
  Fixture f;
  std::ofstream(f.top + "/secret") << "untouched";
  std::filesystem::create_symlink("../secret", f.top + "/inside/link");
  f.console.is_over = true;
  std::mt19937_64 random(7);
  const u64 words[] = {0, 1, 2, 3, 8, 11, 12, 100, 4096, 0xffff, ~u64{0}, u64{1} << 63, 0x20026};
  const std::string_view names[] = {"a", "b", "../secret", "link", "..", "/etc/passwd", ":tt", "", "a/b", "./a"};
  for (int round = 0; round < 50000; ++round) {
    std::array<u64, 4> block{};
    for (u64& word : block) {
      switch (random() % 4) {
        case 0: word = words[random() % std::size(words)]; break;
        case 1: word = kBase + random() % (68 << 10); break;
        case 2: word = random() % 5; break;
        default: word = kBase + 256; break;
      }
    }
    const std::string_view name = names[random() % std::size(names)];
    f.memory.put(256, name);
    if (random() % 2 == 0) block[2] = name.size();
    const u64 at = f.memory.block({block[0], block[1], block[2], block[3]});
    const u64 parameter = random() % 16 == 0 ? random() : at;
    for (int again = 0; again < 4; ++again) {
      const auto kind = f.once(static_cast<u32>(random() % 8 == 0 ? random() : random() % 0x33), parameter).kind;
      if (kind == Semihosting::Outcome::Kind::Done || kind == Semihosting::Outcome::Kind::Exit) break;
    }
    if (round % 1000 == 0) f.host->reset();
  }
  f.host->reset();
  std::string content;
  std::ifstream(f.top + "/secret") >> content;
  CHECK(content == "untouched");
  CHECK(std::distance(std::filesystem::directory_iterator(f.top), {}) == 2);
}
