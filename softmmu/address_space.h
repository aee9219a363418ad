// The physical address space of a machine: RAM, ROM, flash and device windows, as processors and DMA masters see it.
//
// Regions are added while the machine is built and stay; lookups need no lock. What translated code assumes of a page
// is kept here too: a page with translated code is write-shielded until the first write to it.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/ports.h"
#include "core/result.h"
#include "core/types.h"
#include "softmmu/exec_registry.h"
#include "softmmu/ram.h"

namespace ferry::softmmu {

// Told of what makes translated code stale; implemented by the runtime. Calls come from any thread that writes guest
// memory.
class CodeObserver {
 public:
  virtual ~CodeObserver() = default;
  // First write to the shielded page at physical address pa_page (4 KiB aligned): its code is suspect, the page is
  // writable from now on. For a processor's store the call comes before the bytes change, for DMA after.
  virtual void code_written(u64 pa_page) = 0;
  // What the physical range shows has changed (flash left or entered array mode): translations of it are to be dropped.
  virtual void range_changed(u64 base, u64 size) = 0;
};

struct Region {
  enum class Kind : u8 {
    Ram,
    Rom,        // memory that ignores writes
    RomDevice,  // reads are memory while its handler says so
    Mmio,
  };
  Kind kind = Kind::Mmio;
  u64 base = 0;
  u64 size = 0;
  std::string name;
  u32 index = 0;                   // order of addition
  std::unique_ptr<Ram> ram;        // Ram and Rom
  MmioHandler* handler = nullptr;  // Mmio and RomDevice
  RomDevice* rom_device = nullptr;

  bool contains(u64 pa, u64 bytes) const { return pa >= base && pa - base < size && bytes <= size - (pa - base); }
  // Where the 4 KiB page at pa (aligned) can be read as memory; null when it is not memory now, or only partly in the
  // region.
  const u8* readable_page(u64 pa) const;
};

class AddressSpace final : public GuestMemory {
 public:
  AddressSpace() = default;
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  // What RAM and ROM added after it are backed by; shared without it, which a window needs.
  void set_backing(Backing backing) { backing_ = backing; }
  // Bases and sizes of RAM and ROM in multiples of 4 KiB. Errors name both regions when the range overlaps one, or is
  // empty or past 2^64.
  Result<Region*> add_ram(const std::string& name, u64 base, u64 size);
  // Filled by the caller through region->ram->host().
  Result<Region*> add_rom(const std::string& name, u64 base, u64 size);
  Status add_mmio(const std::string& name, u64 base, u64 size, MmioHandler& handler);
  Status add_rom_device(const std::string& name, u64 base, u64 size, RomDevice& device);

  // The region that holds pa, or null.
  const Region* find(u64 pa) const {
    if (main_ram_ != nullptr && pa - main_ram_->base < main_ram_->size) return main_ram_;
    return find_other(pa);
  }
  const std::vector<std::unique_ptr<Region>>& regions() const { return regions_; }  // by address
  // Host address of `bytes` bytes of RAM or ROM at pa, or null when they are not all in one such region.
  u8* memory_at(u64 pa, u64 bytes) const {
    const Region* r = find(pa);
    if (r == nullptr || r->ram == nullptr || !r->contains(pa, bytes)) return nullptr;
    return r->ram->host() + (pa - r->base);
  }
  // Physical address of a host address inside RAM or ROM; false when it is in none.
  bool physical_of(const u8* host, u64& pa) const {
    return (main_ram_ != nullptr && inside(*main_ram_, host, pa)) || physical_of_other(host, pa);
  }

  // One device access of 1, 2, 4 or 8 bytes at pa, anywhere in `region` (of kind Mmio or RomDevice). An access that
  // sticks out of the window is the caller's external abort.
  u64 device_read(const Region& region, u64 pa, unsigned size) const;
  void device_write(const Region& region, u64 pa, unsigned size, u64 value) const;

  // GuestMemory: DMA.
  bool read(u64 address, void* to, usize size) override;
  bool write(u64 address, const void* from, usize size) override;

  // Translated code. Both need a page of RAM (other pages cannot be written by stores: false, and nothing to do).
  // mark_code: the flag only; Mmu::shield also takes the page out of the write tables.
  bool mark_code(u64 pa_page);
  bool has_code(u64 pa_page) const;
  // Number of times the page's code became suspect; 0 for what is not RAM.
  u32 generation(u64 pa_page) const;
  // A write to a page with code: ends its shield and tells the observer, once.
  void code_page_written(const Region& region, u64 pa_page);

  // The executable mappings of all processors (Mmu::exec_key).
  ExecRegistry& exec_registry() { return exec_registry_; }

  void set_code_observer(CodeObserver* observer) { observer_ = observer; }
  // Called when a window's direct reading changes, with its base and size.
  void add_range_listener(std::function<void(u64 base, u64 size)> listener) {
    range_listeners_.push_back(std::move(listener));
  }

 private:
  const Region* find_other(u64 pa) const;
  bool physical_of_other(const u8* host, u64& pa) const;
  static bool inside(const Region& r, const u8* host, u64& pa) {
    // Compared as integers: the pointers may belong to different objects.
    const u64 offset = reinterpret_cast<u64>(host) - reinterpret_cast<u64>(r.ram->host());
    if (offset >= r.size) return false;
    pa = r.base + offset;
    return true;
  }
  Result<Region*> add(std::unique_ptr<Region> region);
  Result<Region*> add_memory(Region::Kind kind, const std::string& name, u64 base, u64 size);
  void range_changed(const Region& region);
  template <class Piece>
  bool each_piece(u64 address, usize size, Piece&& piece);

  Backing backing_ = Backing::Shared;
  std::vector<std::unique_ptr<Region>> regions_;
  const Region* main_ram_ = nullptr;  // the largest: nearly every lookup ends here
  CodeObserver* observer_ = nullptr;
  ExecRegistry exec_registry_;
  std::vector<std::function<void(u64, u64)>> range_listeners_;
};

}  // namespace ferry::softmmu
