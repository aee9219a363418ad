// The persistent store: what is kept, and what becomes of damage, other owners, other engines and full disks.
#include "runtime/persistent/store.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/catch.h"

using namespace ferry;
using namespace ferry::runtime::persistent;

namespace {

namespace fs = std::filesystem;

struct Scratch {
  Scratch() {
    std::string name = (fs::temp_directory_path() / "ferry-store-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Scratch() { fs::remove_all(path); }
  std::string folder() const { return path + "/cache"; }
  std::string path;
};

Fingerprint engine(u8 n) {
  Fingerprint f{};
  f[0] = n;
  return f;
}

struct Opened {
  explicit Opened(const std::string& folder, u8 n = 1, u64 limit = 64 << 20) {
    auto made = Store::open(folder, engine(n), limit, [this](const std::string& line) { words.push_back(line); });
    if (made)
      store = std::move(*made);
    else
      error = made.error().message;
  }
  std::string get(u64 key) {
    const auto value = store->find(key * 77, [&](std::span<const u8> k) {
      return k.size() == sizeof(key) && std::memcmp(k.data(), &key, sizeof(key)) == 0;
    });
    return {value.begin(), value.end()};
  }
  void put(u64 key, const std::string& value) {
    store->add(key * 77, {reinterpret_cast<const u8*>(&key), sizeof(key)},
               {reinterpret_cast<const u8*>(value.data()), value.size()});
  }
  std::vector<std::string> words;
  std::unique_ptr<Store> store;
  std::string error;
};

std::string text_of(u64 key) { return "value " + std::string(key % 97, 'x') + std::to_string(key); }

void fill(const std::string& folder, u64 from, u64 to, u8 n = 1) {
  Opened o(folder, n);
  REQUIRE(o.store);
  for (u64 k = from; k < to; ++k) o.put(k, text_of(k));
}

u64 found(Opened& o, u64 from, u64 to) {
  u64 n = 0;
  for (u64 k = from; k < to; ++k) {
    const std::string value = o.get(k);
    if (value.empty()) continue;
    CHECK(value == text_of(k));  // never a wrong one
    ++n;
  }
  return n;
}

void change_byte(const std::string& file, u64 at) {
  std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
  f.seekg(static_cast<std::streamoff>(at));
  const char c = static_cast<char>(f.get() ^ 0x40);
  f.seekp(static_cast<std::streamoff>(at));
  f.put(c);
}

}  // namespace

TEST_CASE("store: what was added is found by the next run") {
  Scratch s;
  fill(s.folder(), 0, 1000);
  fill(s.folder(), 1000, 1500);
  Opened o(s.folder());
  REQUIRE(o.store);
  CHECK(found(o, 0, 1500) == 1500);
  CHECK(o.get(1500).empty());
  CHECK(o.store->records() == 1500);
  CHECK(o.words.empty());
  // The folder and its files are closed to others.
  CHECK((fs::status(s.folder()).permissions() & fs::perms(077)) == fs::perms::none);
  for (const auto& e : fs::directory_iterator(s.folder()))
    CHECK((e.status().permissions() & fs::perms(077)) == fs::perms::none);
}

TEST_CASE("store: another engine has another file") {
  Scratch s;
  fill(s.folder(), 0, 10, 1);
  Opened o(s.folder(), 2);
  CHECK(found(o, 0, 10) == 0);
  CHECK(o.words.empty());
  o.store.reset();
  // Even under the other's name it is not taken: its records were made under another key.
  fs::copy_file(s.folder() + "/" + file_name(engine(1)), s.folder() + "/" + file_name(engine(2)),
                fs::copy_options::overwrite_existing);
  Opened again(s.folder(), 2);
  REQUIRE(again.store);
  CHECK(found(again, 0, 10) == 0);
  CHECK(again.words.size() == 1);
}

TEST_CASE("store: a file cut off anywhere loses no more than its last segment") {
  Scratch s;
  fill(s.folder(), 0, 20);
  const std::string file = s.folder() + "/" + file_name(engine(1));
  const u64 first = fs::file_size(file);
  fill(s.folder(), 20, 40);
  const u64 second = fs::file_size(file);
  const std::string whole = s.path + "/whole";
  fs::copy_file(file, whole);
  for (u64 size = second - 1; size > first; size -= std::min<u64>(size - first, 37)) {
    fs::copy_file(whole, file, fs::copy_options::overwrite_existing);
    fs::resize_file(file, size);
    {
      Opened o(s.folder());
      REQUIRE(o.store);
      CHECK(found(o, 0, 40) == 20);
      CHECK(o.words.size() == 1);
      o.put(100, text_of(100));
    }
    Opened o(s.folder());
    CHECK(o.words.empty());
    CHECK(found(o, 0, 101) == 21);
  }
  for (const u64 size : {u64{0}, u64{1}, u64{63}}) {  // not even the header
    fs::resize_file(file, size);
    Opened o(s.folder());
    REQUIRE(o.store);
    CHECK(found(o, 0, 40) == 0);
    CHECK(o.words.size() == 1);
  }
}

TEST_CASE("store: no changed byte gets through") {
  Scratch s;
  fill(s.folder(), 0, 12);
  const std::string file = s.folder() + "/" + file_name(engine(1)), whole = s.path + "/whole";
  fs::copy_file(file, whole);
  const u64 size = fs::file_size(file);
  u64 lost = 0;
  for (u64 at = 0; at < size; at += 5) {
    fs::copy_file(whole, file, fs::copy_options::overwrite_existing);
    change_byte(file, at);
    Opened o(s.folder());
    REQUIRE(o.store);
    const u64 n = found(o, 0, 12);
    if (n == 12) continue;  // padding, or a key that now belongs to nobody
    ++lost;
    CHECK(o.words.size() <= 1);
  }
  CHECK(lost > size / 10);
}

TEST_CASE("store: two runs at once see what the other has written") {
  Scratch s;
  Opened a(s.folder()), b(s.folder());
  REQUIRE((a.store && b.store));
  for (u64 k = 0; k < 50; ++k) a.put(k, text_of(k));
  a.store->flush();
  for (u64 k = 50; k < 100; ++k) b.put(k, text_of(k));
  b.store->flush();
  CHECK(found(b, 0, 100) == 100);
  Opened c(s.folder());
  CHECK(found(c, 0, 100) == 100);
  CHECK((a.words.empty() && b.words.empty() && c.words.empty()));
}

TEST_CASE("store: many processes at once") {
  Scratch s;
  std::vector<pid_t> children;
  for (u64 n = 0; n < 6; ++n) {
    const pid_t child = fork();
    if (child == 0) {
      auto store = Store::open(s.folder(), engine(1), 64 << 20, [](const std::string&) { _exit(1); });
      if (!store) _exit(2);
      for (u64 k = n * 100; k < n * 100 + 100; ++k) {
        const std::string value = text_of(k);
        (*store)->add(k * 77, {reinterpret_cast<const u8*>(&k), sizeof(k)},
                      {reinterpret_cast<const u8*>(value.data()), value.size()});
        if (k % 10 == 9) (*store)->flush();
      }
      store->reset();
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  Opened o(s.folder());
  CHECK(o.words.empty());
  CHECK(found(o, 0, 600) == 600);
}

TEST_CASE("store: a run that is killed leaves what it had written") {
  Scratch s;
  const pid_t child = fork();
  if (child == 0) {
    auto store = Store::open(s.folder(), engine(1), 64 << 20, [](const std::string&) {});
    for (u64 k = 0; k < 1000; ++k) {
      const std::string value = text_of(k);
      (*store)->add(k * 77, {reinterpret_cast<const u8*>(&k), sizeof(k)},
                    {reinterpret_cast<const u8*>(value.data()), value.size()});
      if (k == 499) (*store)->flush();
    }
    raise(SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  Opened o(s.folder());
  CHECK(o.words.empty());
  CHECK(found(o, 0, 1000) == 500);
}

TEST_CASE("store: a folder that is open to others, no folder or nowhere is refused") {
  Scratch s;
  fs::create_directory(s.folder());
  fs::permissions(s.folder(), fs::perms(0755));
  CHECK(Opened(s.folder()).error.find("open to other users") != std::string::npos);
  fs::remove(s.folder());
  std::ofstream(s.folder()) << "a file";
  CHECK(!Opened(s.folder()).error.empty());
  fs::remove(s.folder());
  fs::create_directory_symlink(s.path, s.folder());
  CHECK(!Opened(s.folder()).error.empty());
  CHECK(!Opened("/proc/ferry-cache").error.empty());
  CHECK(Opened("relative/path").error.find("full path") != std::string::npos);
  if (geteuid() == 0) {
    const std::string foreign = s.path + "/foreign";
    fs::create_directory(foreign);
    fs::permissions(foreign, fs::perms(0700));
    REQUIRE(chown(foreign.c_str(), 12345, 12345) == 0);
    CHECK(Opened(foreign).error.find("another user") != std::string::npos);
  }
}

TEST_CASE("store: a file that is open to others is not used") {
  Scratch s;
  fill(s.folder(), 0, 10);
  fs::permissions(s.folder() + "/" + file_name(engine(1)), fs::perms(0644));
  Opened o(s.folder());
  REQUIRE(o.store);
  CHECK(found(o, 0, 10) == 0);
  CHECK(o.words.size() == 1);
  o.put(1, "x");
  o.store->flush();
  CHECK(found(o, 0, 10) == 0);
  o.store.reset();
  fs::permissions(s.folder() + "/key", fs::perms(0644));
  CHECK(Opened(s.folder()).error.find("key") != std::string::npos);
}

TEST_CASE("store: a damaged key makes a new beginning") {
  Scratch s;
  fill(s.folder(), 0, 10);
  fs::resize_file(s.folder() + "/key", 7);
  {
    Opened o(s.folder());
    REQUIRE(o.store);
    CHECK(found(o, 0, 10) == 0);
    CHECK(o.words.size() == 1);
    o.put(3, text_of(3));
  }
  Opened o(s.folder());
  CHECK(o.words.empty());
  CHECK(found(o, 0, 10) == 1);
}

TEST_CASE("store: a full disk is a word, and what was written stays") {
  Scratch s;
  fill(s.folder(), 0, 10);
  const u64 size = fs::file_size(s.folder() + "/" + file_name(engine(1)));
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {size + 1000, size + 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    unsigned words = 0;
    auto store = Store::open(s.folder(), engine(1), 64 << 20, [&](const std::string&) { ++words; });
    if (!store) _exit(2);
    const std::string value(5000, 'v');
    for (u64 k = 20; k < 30; ++k) {
      (*store)->add(k * 77, {reinterpret_cast<const u8*>(&k), sizeof(k)},
                    {reinterpret_cast<const u8*>(value.data()), value.size()});
      (*store)->flush();
    }
    _exit(words == 1 ? 0 : 3);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  Opened o(s.folder());
  CHECK(o.words.empty());
  CHECK(found(o, 0, 10) == 10);
}

TEST_CASE("store: what was used longest ago goes when the folder is full") {
  Scratch s;
  constexpr u64 kLimit = 500'000;
  fill(s.folder(), 0, 1000, 7);
  const std::string old = s.folder() + "/" + file_name(engine(7));
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(1));
  const std::string value(1000, 'v');
  const auto total = [&] {
    u64 n = 0;
    for (const auto& e : fs::directory_iterator(s.folder()))
      if (e.path().extension() == ".code") n += e.file_size();
    return n;
  };
  {
    Opened o(s.folder(), 1, kLimit);
    for (u64 k = 0; k < 300; ++k) o.put(k, value);
  }
  CHECK(fs::exists(old));
  for (u64 round = 1; round < 6; ++round) {
    Opened o(s.folder(), 1, kLimit);
    for (u64 k = 0; k < 50; ++k) CHECK(o.get(k) == value);  // in use in every run
    for (u64 k = 0; k < 100; ++k) o.put(round * 1000 + k, value);
    o.store->flush();
    CHECK(total() <= kLimit);
    CHECK(o.words.empty());
    for (u64 k = 0; k < 100; ++k) CHECK(o.get(round * 1000 + k) == value);
  }
  CHECK(!fs::exists(old));
  Opened o(s.folder(), 1, kLimit);
  for (u64 k = 0; k < 50; ++k) CHECK(o.get(k) == value);
}

TEST_CASE("store: clear") {
  Scratch s;
  fill(s.folder(), 0, 10, 1);
  fill(s.folder(), 0, 10, 2);
  Opened running(s.folder());
  auto gone = clear(s.folder());
  REQUIRE(gone);
  CHECK(*gone == 2);
  CHECK(found(running, 0, 10) == 10);  // what is open stays
  running.put(11, text_of(11));
  running.store->flush();
  Opened o(s.folder());
  CHECK(found(o, 0, 12) == 1);
  CHECK(!clear(s.path + "/nowhere"));
}
