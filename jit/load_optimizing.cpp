#include "jit/load_optimizing.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <string>

#include "core/check.h"
#include "jit/interpreter/interpreter.h"
#include "jit/optimizing/module.h"

namespace ferry::jit {
namespace {

const optimizing::Host kHost = {assertion_failed, cpu::helper_info, eval_inst, add_faults, remove_faults};

// Only places that belong to the program itself: never the current folder or a search path.
std::string program_folder() {
  std::string path(4096, '\0');
  const ssize_t n = readlink("/proc/self/exe", path.data(), path.size());
  path.resize(n > 0 ? static_cast<usize>(n) : 0);
  return path.substr(0, path.rfind('/') + 1);
}

// Whether the module shares the program's layouts; without the symbol it is something else or from before there was
// one.
bool is_of_this_build(void* module) {
  const void* const build = dlsym(module, optimizing::kBuildName);
  u64 id = 0;
  if (build != nullptr) std::memcpy(&id, build, sizeof id);
  return build != nullptr && id == optimizing::kBuildId;
}

Result<optimizing::CreateFn> load() {
  const std::string folder = program_folder();
  for (const char* const where : {"", "../", "../lib/ferry/"}) {
    const std::string path = folder + where + optimizing::kFileName;
    if (access(path.c_str(), R_OK) != 0) continue;
    void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (module == nullptr) return Error{path + ": cannot be loaded: " + dlerror()};
    if (!is_of_this_build(module)) return Error{path + ": belongs to another build, expected that of the program"};
    void* const create = dlsym(module, optimizing::kCreateName);
    if (create == nullptr) return Error{path + ": is something else, expected ferry's optimizing tier"};
    return reinterpret_cast<optimizing::CreateFn>(reinterpret_cast<std::uintptr_t>(create));
  }
  return Error{folder + optimizing::kFileName + ": is missing, expected it beside the program"};
}

}  // namespace

Result<std::unique_ptr<RegionTier>> make_optimizing(usize capacity, unsigned level, bool window, u64 heap) {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  static Result<optimizing::CreateFn> create = load();
  if (!create) return create.error();
  std::string why;
  RegionTier* const tier = (*create)(&kHost, capacity, level, window && faults_supported(), heap, &why);
  if (tier == nullptr) return Error{std::string(optimizing::kFileName) + ": " + why};
  return std::unique_ptr<RegionTier>(tier);
}

}  // namespace ferry::jit
