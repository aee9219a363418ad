// What a boot image puts into memory, from bytes or straight from its file.
#include "machines/segment.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "machines/files.h"
#include "tests/catch.h"

using namespace ferry;
using namespace ferry::machines;

namespace {

// Several pieces, shared by several threads, and a last one that is cut off.
constexpr usize kLarge = (usize{9} << 20) + 12345;

std::vector<u8> random_bytes(usize size) {
  std::mt19937_64 random(1);
  std::vector<u8> bytes(size);
  for (u8& b : bytes) b = static_cast<u8>(random());
  return bytes;
}

class File {
 public:
  explicit File(const std::vector<u8>& bytes) {
    char name[] = "/tmp/ferry-segment-XXXXXX";
    const int fd = mkstemp(name);
    REQUIRE(fd >= 0);
    close(fd);
    path = name;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  ~File() { std::filesystem::remove(path); }
  std::string path;
};

}  // namespace

TEST_CASE("segments: content comes whole and nothing beside it is written, from bytes and from a file") {
  const std::vector<u8> content = random_bytes(GENERATE(usize{1}, usize{4096}, kLarge));
  const File file(content);
  Segment segment;
  SECTION("bytes") { segment.bytes = content; }
  SECTION("a file") {
    auto open = OpenFile::open(file.path, kLarge, "a kernel");
    REQUIRE(open);
    segment.file = *open;
  }
  REQUIRE(segment.content_size() == content.size());
  std::vector<u8> memory(content.size() + 32, 0xee);
  REQUIRE(segment.copy_content(memory.data() + 16));
  CHECK(std::equal(content.begin(), content.end(), memory.begin() + 16));
  for (usize i = 0; i < 16; ++i) CHECK((memory[i] == 0xee && memory[memory.size() - 1 - i] == 0xee));
}

TEST_CASE("segments: a file that has become shorter since it was opened is an error") {
  const File file(random_bytes(kLarge));
  auto open = OpenFile::open(file.path, kLarge, "a kernel");
  REQUIRE(open);
  Segment segment;
  segment.file = *open;
  std::filesystem::resize_file(file.path, kLarge / 2);
  std::vector<u8> memory(kLarge);
  const Status status = segment.copy_content(memory.data());
  REQUIRE_FALSE(status);
  CHECK(status.error().message.starts_with(file.path + ": ended after "));
  CHECK(status.error().message.ends_with(", expected a kernel"));
}
