#include "tests/frontend/map/outside.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace ferry::map {
namespace {

[[noreturn]] void fail(const std::string& why) {
  fmt::print(stderr, "decoder_map: {}\n", why);
  std::exit(2);
}

// A temporary file that holds the words; its owner unlinks it.
std::string write_words(const std::vector<u32>& words) {
  std::string path = "/tmp/decoder_map.XXXXXX";
  const int fd = mkstemp(path.data());
  if (fd < 0) fail("no temporary file");
  const usize bytes = words.size() * sizeof(u32);
  if (write(fd, words.data(), bytes) != static_cast<ssize_t>(bytes)) fail(path + ": cannot write");
  close(fd);
  return path;
}

template <class F>
void each_line(const std::string& command, F&& f) {
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) fail(command + ": cannot start");
  char line[512];
  while (std::fgets(line, sizeof line, pipe) != nullptr) f(line);
  if (pclose(pipe) != 0) fail(command + ": failed");
}

}  // namespace

std::vector<std::string> objdump(const std::string& program, const std::vector<u32>& words) {
  const std::string path = write_words(words);
  std::vector<std::string> names;
  names.reserve(words.size());
  each_line(fmt::format("{} -D -z -b binary -m aarch64 {}", program, path), [&](char* line) {
    // "   4:\td503201f \tnop" and for others "\t.inst\t0x... ; undefined"
    char* first = std::strchr(line, '\t');
    char* second = first == nullptr ? nullptr : std::strchr(first + 1, '\t');
    if (second == nullptr || std::strchr(line, ':') == nullptr || std::strchr(line, ':') > first) return;
    const std::string name(second + 1, std::strcspn(second + 1, "\t\n "));
    names.push_back(name == ".inst" ? "" : name);
  });
  unlink(path.c_str());
  if (names.size() != words.size()) fail(fmt::format("objdump gave {} lines for {} words", names.size(), words.size()));
  return names;
}

std::string sigill(const std::string& command, const std::vector<u32>& words) {
  const std::string path = write_words(words);
  std::string answers;
  each_line(command + " < " + path, [&](char* line) { answers += line; });
  unlink(path.c_str());
  while (!answers.empty() && answers.back() == '\n') answers.pop_back();
  if (answers.size() != words.size()) fail("the emulator answered for another number of words");
  return answers;
}

}  // namespace ferry::map
