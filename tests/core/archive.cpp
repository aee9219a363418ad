#include "core/archive.h"

#include "tests/catch.h"

using namespace ferry;

namespace {
enum class Colour : u8 { kRed, kBlue };
struct Thing {
  bool on = true;
  u16 count = 0x1234;
  Colour colour = Colour::kBlue;
  U128 wide{1, 2};
  std::array<u32, 3> list{7, 8, 9};
  std::array<u8, 4> raw{1, 2, 3, 4};
  std::vector<u8> queue = std::vector<u8>(2, 5);
  void visit(Archive& archive) {
    archive.section("thing", [&] {
      archive.field("on", on);
      archive.field("count", count);
      archive.field("colour", colour);
      archive.field("wide", wide);
      archive.field("list", list);
      archive.bytes("raw", raw);
      archive.blob("queue", queue, 8);
    });
  }
};
std::vector<u8> saved(Thing& thing) {
  SaveArchive archive;
  thing.visit(archive);
  return archive.take();
}
}  // namespace

TEST_CASE("what was saved is loaded") {
  Thing thing;
  const auto data = saved(thing);
  Thing other{false, 1, Colour::kRed, {}, {}, {}, {}};
  LoadArchive load(data);
  other.visit(load);
  REQUIRE(load.status().ok());
  CHECK(load.at_end());
  CHECK(saved(other) == data);
  CHECK(other.count == 0x1234);
  CHECK(other.queue == std::vector<u8>(2, 5));
}

TEST_CASE("every truncation and every flipped header is an error or a value, never a crash") {
  Thing thing;
  const auto data = saved(thing);
  for (usize size = 0; size < data.size(); ++size) {
    LoadArchive load(std::span<const u8>{data}.first(size));
    Thing other;
    other.visit(load);
    CHECK_FALSE(load.status().ok());
  }
  for (usize i = 0; i < data.size(); ++i) {
    auto damaged = data;
    damaged[i] ^= 0x80;
    LoadArchive load(damaged);
    Thing other;
    other.visit(load);
  }
}

TEST_CASE("a comparison names what differs") {
  Thing thing;
  const auto data = saved(thing);
  CompareArchive same(data);
  thing.visit(same);
  CHECK(same.differences().empty());
  thing.count = 1;
  thing.raw[2] = 9;
  CompareArchive different(data);
  thing.visit(different);
  REQUIRE(different.differences().size() == 2);
  CHECK(different.differences()[0] == "thing.count: saved 0x1234, now 0x1");
  CHECK(different.differences()[1] == "thing.raw: byte 2: saved 0x03, now 0x09");
}

TEST_CASE("printing lists each item") {
  Thing thing;
  PrintArchive print;
  thing.visit(print);
  CHECK(print.text().find("count") != std::string::npos);
  CHECK(print.text().find("0x1234") != std::string::npos);
}
