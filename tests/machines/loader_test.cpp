#include "machines/loader.h"

#include <unistd.h>
#include <zlib.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "machines/tree_edit.h"
#include "tests/catch.h"

using namespace ferry;
using namespace ferry::machines;

namespace {

constexpr u64 kRam = 0x40000000;

// A folder of its own for each test, gone afterwards.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/ferry-loader-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name, const std::vector<u8>& bytes) const {
    std::ofstream(path_ + "/" + name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path_ + "/" + name;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

template <class T>
void put(std::vector<u8>& bytes, usize at, T value) {
  if (bytes.size() < at + sizeof(T)) bytes.resize(at + sizeof(T));
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

std::vector<u8> linux_image(u64 text_offset = 0, u64 image_size = 0x200000, usize file_size = 0x1000) {
  std::vector<u8> bytes(file_size, 0x5a);
  put<u64>(bytes, 8, text_offset);
  put<u64>(bytes, 16, image_size);
  std::memcpy(bytes.data() + 56, "ARM\x64", 4);
  return bytes;
}

std::vector<u8> elf(u64 vaddr, u64 paddr, u64 entry, usize content = 64, u64 memory = 128) {
  std::vector<u8> bytes(64 + 56 + content, 0x11);
  std::fill(bytes.begin(), bytes.begin() + 120, u8{0});
  std::memcpy(bytes.data(), "\177ELF\2\1\1", 7);
  put<u16>(bytes, 16, 2);
  put<u16>(bytes, 18, 183);
  put<u64>(bytes, 24, entry);
  put<u64>(bytes, 32, 64);
  put<u16>(bytes, 54, 56);
  put<u16>(bytes, 56, 1);
  put<u32>(bytes, 64, 1);
  put<u64>(bytes, 64 + 8, 120);
  put<u64>(bytes, 64 + 16, vaddr);
  put<u64>(bytes, 64 + 24, paddr);
  put<u64>(bytes, 64 + 32, content);
  put<u64>(bytes, 64 + 40, memory);
  return bytes;
}

std::vector<u8> gzip(const std::vector<u8>& bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::vector<u8> out(deflateBound(&stream, bytes.size()) + 64);
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Result<BootPlan> plan(LaunchRecord record, u64 ram_size = u64{512} << 20, bool flash_given = false) {
  record.ram_size = ram_size;
  auto tree = board_tree(record);
  REQUIRE(tree);
  REQUIRE(edit_hardware(*tree, record));
  return plan_boot(record, *tree, BoardMemory{{TreeRange{kRam, ram_size}}, 64 << 20, flash_given, false});
}

std::string plan_error(const LaunchRecord& record, u64 ram_size = u64{512} << 20) {
  auto result = plan(record, ram_size);
  REQUIRE_FALSE(result);
  INFO(result.error().message);
  CHECK(result.error().message.find("expected") != std::string::npos);
  CHECK(result.error().message.find('\n') == std::string::npos);
  return result.error().message;
}

const Segment& segment(const BootPlan& boot, const std::string& what) {
  for (const Segment& s : boot.segments) {
    if (s.what == what) return s;
  }
  FAIL("no segment " << what);
  return boot.segments.front();
}

}  // namespace

TEST_CASE("a Linux image, its initrd and its tree go to the well-known places") {
  Folder folder;
  LaunchRecord record;
  record.kernel = folder.file("Image", linux_image());
  record.initrd = folder.file("initrd", std::vector<u8>(5000, 1));
  auto boot = plan(record);
  REQUIRE(boot);
  CHECK(segment(*boot, record.kernel).address == kRam + 0x200000);
  CHECK(segment(*boot, record.kernel).size == 0x200000);
  CHECK(boot->processors[0].powered_on);
  CHECK(boot->processors[0].pc == kRam + 0x200000);
  CHECK(segment(*boot, record.initrd).address == kRam + 0x8000000);
  CHECK(boot->dtb_address == kRam + 0x8200000);
  CHECK(boot->processors[0].x0 == boot->dtb_address);
  auto tree = DeviceTree::parse(boot->dtb, "dtb");
  REQUIRE(tree);
  CHECK(tree->find("/chosen")->u64_of("linux,initrd-end") == kRam + 0x8000000 + 5000);
}

TEST_CASE("text_offset, gzip and little memory are respected") {
  Folder folder;
  LaunchRecord record;
  record.kernel = folder.file("Image.gz", gzip(linux_image(0x80000)));
  auto boot = plan(record);
  REQUIRE(boot);
  CHECK(boot->processors[0].pc == kRam + 0x80000);

  record.kernel = folder.file("Image", linux_image(0, 20 << 20));
  record.initrd = folder.file("initrd", std::vector<u8>(5000, 1));
  auto tight = plan(record, 32 << 20);
  REQUIRE(tight);
  CHECK(segment(*tight, record.initrd).address == kRam + (22 << 20));  // half of memory is inside the kernel
}

TEST_CASE("ELF files: bare metal at its physical addresses, vmlinux moved to RAM") {
  Folder folder;
  LaunchRecord record;
  record.kernel = folder.file("bare.elf", elf(0x40100000, 0x40100000, 0x40100010));
  auto boot = plan(record);
  REQUIRE(boot);
  CHECK(boot->processors[0].pc == 0x40100010);
  CHECK(boot->dtb_address == kRam);
  CHECK(segment(*boot, record.kernel).size == 128);
  CHECK(segment(*boot, record.kernel).content_size() == 64);

  record.kernel = folder.file("vmlinux", elf(0xffff800008000000, 0xffff800008000000, 0xffff800008000020));
  auto moved = plan(record);
  REQUIRE(moved);
  CHECK(moved->processors[0].pc == kRam + 0x200020);

  record.kernel = folder.file("mapped.elf", elf(0xffff000000100000, 0x40100000, 0xffff000000100010));
  auto physical = plan(record);
  REQUIRE(physical);
  CHECK(physical->processors[0].pc == 0x40100010);
}

TEST_CASE("firmware goes into flash and finds the tree at the start of RAM") {
  Folder folder;
  LaunchRecord record;
  record.firmware = folder.file("u-boot.bin", std::vector<u8>(1000, 7));
  auto boot = plan(record);
  REQUIRE(boot);
  CHECK(boot->firmware.size() == 1000);
  CHECK(boot->processors[0].pc == 0);
  CHECK(boot->dtb_address == kRam);
}

TEST_CASE("what is linked for flash goes there") {
  Folder folder;
  LaunchRecord record;
  record.kernel = folder.file("flash.elf", elf(0x2000, 0x2000, 0x2010));
  auto boot = plan(record);
  REQUIRE(boot);
  CHECK(boot->processors[0].pc == 0x2010);
  REQUIRE(boot->firmware.size() > 0x2000);
  CHECK(boot->firmware[0x1fff] == 0xff);
  CHECK(boot->firmware.back() == 0);  // the segment is longer in memory than in the file
  CHECK(boot->dtb_address == kRam);

  LoaderSpec data;
  data.address = 0x2004;
  data.data = 1;
  data.data_length = 4;
  record.loaders = {data};
  CHECK(plan_error(record).find("overlaps") != std::string::npos);
  record.loaders[0].address = 0x100;
  REQUIRE(plan(record));
  record.kernel.clear();
  REQUIRE(plan(record));  // flash is where a processor begins

  const auto given = plan(record, u64{512} << 20, true);
  REQUIRE_FALSE(given);
  CHECK(given.error().message.find("pflash") != std::string::npos);

  record.firmware = folder.file("u-boot.bin", std::vector<u8>(1000, 7));
  CHECK(plan_error(record).find("overlaps") != std::string::npos);
  record.loaders[0].address = 0x1000;
  boot = plan(record);
  REQUIRE(boot);
  CHECK(boot->firmware.size() == 0x1004);
  CHECK(boot->firmware[999] == 7);
  CHECK(boot->firmware[1000] == 0xff);
  CHECK(boot->firmware[0x1000] == 1);
}

TEST_CASE("firmware is handed the kernel through fw_cfg, where there is one") {
  Folder folder;
  LaunchRecord record;
  record.firmware = folder.file("u-boot.bin", std::vector<u8>(1000, 7));
  record.kernel = folder.file("Image", linux_image());
  record.initrd = folder.file("initrd", std::vector<u8>(300, 1));
  record.command_line = "quiet";
  record.ram_size = 64 << 20;
  auto tree = board_tree(record);
  REQUIRE(tree);
  BoardMemory memory{{TreeRange{kRam, 64 << 20}}, 64 << 20, false, false};
  CHECK_FALSE(plan_boot(record, *tree, memory));
  memory.has_fw_cfg = true;
  auto boot = plan_boot(record, *tree, memory);
  REQUIRE(boot);
  CHECK(boot->segments.size() == 1);
  CHECK(boot->firmware_items.at(0x08) == std::vector<u8>{0, 0x10, 0, 0});
  CHECK(boot->firmware_items.at(0x11).size() == 0x1000);
  CHECK(boot->firmware_items.at(0x0b) == std::vector<u8>{0x2c, 1, 0, 0});
  CHECK(boot->firmware_items.at(0x15) == std::vector<u8>{'q', 'u', 'i', 'e', 't', 0});
  CHECK_FALSE(tree->find("/chosen")->has("linux,initrd-start"));
}

TEST_CASE("loader devices put files and data where they say") {
  Folder folder;
  LaunchRecord record;
  LoaderSpec file;
  file.path = folder.file("blob", std::vector<u8>(16, 9));
  file.address = kRam + 0x1000000;
  file.cpu_num = 0;
  LoaderSpec data;
  data.address = kRam + 0x2000000;
  data.data = 0x0102;
  data.data_length = 2;
  data.big_endian = true;
  record.loaders = {file, data};
  auto boot = plan(record);
  REQUIRE(boot);
  CHECK(boot->processors[0].pc == kRam + 0x1000000);
  CHECK(segment(*boot, "-device loader,data=").bytes == std::vector<u8>{1, 2});

  record.loaders[0].cpu_num = 5;
  CHECK(plan_error(record).find("cpu-num=5") != std::string::npos);
  record.loaders[0].cpu_num = 0;
  record.loaders[1].address = kRam + 0x1000008;
  CHECK(plan_error(record).find("overlaps") != std::string::npos);
  record.loaders[1].address = 0x5000000;
  CHECK(plan_error(record).find("do not fit") != std::string::npos);
}

TEST_CASE("a raw image is told by its name, and goes where old kernels go") {
  Folder folder;
  LaunchRecord record;
  for (const char* name : {"test.flat", "test.bin"}) {
    record.kernel = folder.file(name, std::vector<u8>(5000, 1));
    auto planned = plan(record);
    REQUIRE(planned);
    CHECK(planned->processors[0].pc == kRam + 0x80000);
    CHECK(planned->processors[0].x0 == planned->dtb_address);
    CHECK(segment(*planned, record.kernel).address == kRam + 0x80000);
    CHECK(segment(*planned, record.kernel).size == 5000);
  }
  // What is known to be something else stays an error.
  std::vector<u8> x86(0x400, 0);
  std::memcpy(x86.data() + 0x202, "HdrS", 4);
  record.kernel = folder.file("bzimage.bin", x86);
  CHECK(plan_error(record).find("x86") != std::string::npos);
}

TEST_CASE("bad boot files are one line that names the file") {
  Folder folder;
  LaunchRecord record;
  CHECK(plan_error(record).find("nothing to run") != std::string::npos);

  const auto kernel_error = [&](const std::vector<u8>& bytes, u64 ram = u64{512} << 20) {
    record.kernel = folder.file("kernel", bytes);
    const std::string message = plan_error(record, ram);
    CHECK(message.starts_with(record.kernel));
    return message;
  };
  std::vector<u8> x86(0x400, 0);
  std::memcpy(x86.data() + 0x202, "HdrS", 4);
  CHECK(kernel_error(x86).find("x86") != std::string::npos);
  CHECK(kernel_error({}).find("empty") != std::string::npos);
  CHECK(kernel_error(std::vector<u8>(100, 1)).find("not a kernel image") != std::string::npos);
  CHECK(kernel_error(linux_image(0, 900 << 20)).find("do not fit") != std::string::npos);
  CHECK(kernel_error(std::vector<u8>(2 << 20, 0), 1 << 20).find("too large") != std::string::npos);

  auto packed = gzip(linux_image());
  packed.resize(packed.size() / 2);
  CHECK(kernel_error(packed).find("truncated") != std::string::npos);
  packed = gzip(std::vector<u8>(8 << 20, 0));
  CHECK(kernel_error(packed, 4 << 20).find("unpacks to more") != std::string::npos);

  auto other = elf(kRam, kRam, kRam);
  put<u16>(other, 18, 62);
  CHECK(kernel_error(other).find("x86-64") != std::string::npos);
  auto cut = elf(kRam, kRam, kRam);
  cut.resize(150);
  CHECK(kernel_error(cut).find("truncated") != std::string::npos);
  CHECK(kernel_error(elf(kRam, kRam, kRam + 4096)).find("entry point") != std::string::npos);
  CHECK(kernel_error(elf(0x5000000, 0x5000000, 0x5000000)).find("do not fit") != std::string::npos);

  record.kernel = folder.path() + "/missing";
  CHECK(plan_error(record).find("No such file") != std::string::npos);
  record.kernel = folder.path();
  CHECK(plan_error(record).find("is a folder") != std::string::npos);

  record.kernel = folder.file("Image", linux_image());
  record.initrd = folder.path() + "/missing";
  CHECK(plan_error(record).find("missing") != std::string::npos);
  auto packed_initrd = gzip(std::vector<u8>(100000, 3));
  packed_initrd.resize(60);
  record.initrd = folder.file("initrd.gz", packed_initrd);
  CHECK(plan_error(record).find("truncated gzip") != std::string::npos);
  const std::string header = "070701" + std::string(104, '0');
  record.initrd = folder.file("initrd.cpio", std::vector<u8>(header.begin(), header.end()));
  CHECK(plan_error(record).find("truncated cpio") != std::string::npos);

  LaunchRecord firmware;
  firmware.firmware = folder.file("big.fd", std::vector<u8>((64 << 20) + 1, 1));
  CHECK(plan_error(firmware).find("too large") != std::string::npos);
}

TEST_CASE("damaged images never crash the loader") {
  std::mt19937 random(2);
  const std::vector<u8> images[] = {elf(kRam, kRam, kRam), linux_image(), gzip(linux_image())};
  for (const auto& whole : images) {
    for (int round = 0; round < 500; ++round) {
      std::vector<u8> damaged = whole;
      const usize header = std::min<usize>(damaged.size(), 128);
      for (int i = 0; i < 3; ++i) damaged[random() % header] = static_cast<u8>(random());
      damaged.resize(random() % (damaged.size() + 1));
      if (looks_like_elf(damaged)) (void)parse_elf(damaged, "damaged");
      if (looks_like_gzip(damaged)) (void)gunzip(damaged, "damaged", 1 << 20);
      if (looks_like_linux_image(damaged)) (void)parse_linux_image(damaged, damaged.size(), "damaged");
      (void)check_initrd(damaged, "damaged");
    }
  }
}
