// The quick size of a fuzz target, without libFuzzer: the seeds, and so many bent ones.
//
// usage: fuzz_TARGET FOLDER [RUNS [SEED]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using Bytes = std::vector<unsigned char>;

constexpr size_t kLargest = 16384;

Bytes read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// One to four changes: a byte or a bit, a word of extremes, a cut, a copied stretch.
void bend(Bytes& b, std::mt19937& random) {
  static constexpr unsigned kExtremes[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff};
  for (unsigned changes = 1 + random() % 4; changes > 0 && !b.empty(); --changes) {
    const size_t at = random() % b.size();
    switch (random() % 5) {
      case 0: b[at] = static_cast<unsigned char>(random()); break;
      case 1: b[at] = static_cast<unsigned char>(b[at] ^ 1u << random() % 8); break;
      case 2: {
        const unsigned word = kExtremes[random() % std::size(kExtremes)];
        for (unsigned i = 0; i < 4 && at + i < b.size(); ++i)
          b[at + i] = static_cast<unsigned char>(word >> 8 * (random() % 2 != 0 ? i : 3 - i));
        break;
      }
      case 3: b.resize(at); break;
      default: {
        const size_t from = random() % b.size(), n = std::min(b.size() - from, kLargest - std::min(kLargest, b.size()));
        const Bytes piece(b.begin() + static_cast<std::ptrdiff_t>(from),
                          b.begin() + static_cast<std::ptrdiff_t>(from + n));
        b.insert(b.begin() + static_cast<std::ptrdiff_t>(at), piece.begin(), piece.end());
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::vector<Bytes> seeds;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) seeds.push_back(read(path));
  if (seeds.empty()) return std::fprintf(stderr, "%s: no seeds\n", argv[1]), 2;
  for (const Bytes& b : seeds) LLVMFuzzerTestOneInput(b.data(), b.size());
  const unsigned long runs = argc > 2 ? std::strtoul(argv[2], nullptr, 0) : 2000;
  std::mt19937 random(argc > 3 ? static_cast<unsigned>(std::strtoul(argv[3], nullptr, 0)) : 1);
  for (unsigned long n = 0; n < runs; ++n) {
    Bytes b = seeds[random() % seeds.size()];
    bend(b, random);
    LLVMFuzzerTestOneInput(b.data(), b.size());
  }
  std::printf("%zu seeds and %lu bent ones: no crash\n", seeds.size(), runs);
  return 0;
}
