// Names of translated code for perf(1): /tmp/perf-PID.map, which `perf report` reads by itself, and jit-PID.dump, from
// which `perf inject --jit` takes the bytes too, with the moment from which they stand there. Sources: the Linux tree's
// tools/perf/Documentation/jit-interface.txt and jitdump-specification.txt.
//
// Code memory is used again: the dump tells one use from the next by its times. The map knows no time, so what it names
// is what the memory held last.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/result.h"
#include "core/settings.h"
#include "core/types.h"

namespace ferry::runtime {

class PerfMap {
 public:
  enum class Kind : u8 { Block, Region };
  // The name of guest code at va, such as "schedule+0x40"; empty: none is known.
  using Name = std::function<std::string(u64 va)>;

  // Opens what settings.perf_map and settings.perf_jitdump ask for, at least one of them.
  static Result<std::unique_ptr<PerfMap>> open(const Settings& settings, Name name);
  ~PerfMap();
  PerfMap(const PerfMap&) = delete;
  PerfMap& operator=(const PerfMap&) = delete;

  // From now on [code, code + size) is host code of the guest's at va, at exception level el. Not synchronised.
  void add(const void* code, usize size, u64 va, unsigned el, Kind kind);

 private:
  explicit PerfMap(Name name) : name_(std::move(name)) {}
  Status open_map(const std::string& path);
  Status open_dump(const std::string& path);
  void add_to_map(u64 at, u64 size, std::string name);
  void add_to_dump(const void* code, u64 size, const std::string& name);
  void write_map_anew();
  void put(int& fd, const std::string& path, const std::string& bytes);

  struct Named {
    u64 size = 0;
    std::string name;
  };
  Name name_;
  std::string map_path_, dump_path_;
  int map_ = -1, dump_ = -1;
  void* mark_ = nullptr;        // the page of the dump that perf sees being mapped
  std::map<u64, Named> named_;  // by where it begins
  bool map_has_stale_ = false;  // the file still names what is no more
  u64 index_ = 0;
};

}  // namespace ferry::runtime
