// One bank of CFI flash: cfi_flash.h.
#pragma once
#include <array>

#include "devices/cfi_flash.h"

namespace ferry::devices {

// Bytes that read as erased (0xff) until their block is written: a bank of 64 MiB costs only what is in it.
class FlashArray {
 public:
  FlashArray(usize size, usize block_size);
  ~FlashArray();
  FlashArray(const FlashArray&) = delete;
  FlashArray& operator=(const FlashArray&) = delete;

  usize size() const { return size_; }
  u8 get(usize offset) const { return present_[offset / block_size_] ? data_[offset] : u8{0xff}; }
  // The block's bytes, to be changed.
  u8* block(usize index);
  bool present(usize index) const { return present_[index] != 0; }
  // Bytes from the start whose blocks are all there, so that data() can be read directly.
  usize direct_size() const;
  const u8* data() const { return data_; }
  void visit(Archive& archive);

 private:
  usize size_, block_size_;
  u8* data_;
  std::vector<u8> present_;
};

class CfiFlash::Bank : public RomDevice {
 public:
  static constexpr usize kBlockSize = 256 * 1024;

  Bank(CfiFlash& flash, std::string name, usize size, unsigned width, BlockBackend* image);

  u64 read(u64 offset, unsigned size) override;
  void write(u64 offset, unsigned size, u64 value) override;
  const u8* direct_read_pointer() const override;
  usize direct_read_size() const override;
  void set_direct_listener(std::function<void()> changed) override { listener_ = std::move(changed); }

  Status load();
  void reset();
  void visit(Archive& archive);
  // Tells the listener and writes what changed to the image; no lock held.
  void settle();
  void keep();

 private:
  // What reads show.
  enum class Mode : u8 { kArray, kStatus, kIdentifier, kQuery };
  // What the next write is.
  enum class Next : u8 { kCommand, kProgram, kErase, kBufferCount, kBufferData, kBufferConfirm, kLock, kProtection };

  void command(usize offset, u8 code);
  void write_part(usize offset, unsigned size, u32 value);
  void continue_with(usize offset, unsigned size, u32 value);
  void begin_buffer(u32 value);
  void fill_buffer(usize offset, unsigned size, u32 value);
  void program_buffer();
  bool program(usize offset, unsigned size, u32 value);
  void erase(usize offset);
  void change_lock(usize offset, u8 code);
  bool writable(usize offset, u8 error);
  void changed(usize from, usize to);
  void show(Mode mode);
  u8 table(u32 index) const;
  u8 lane_byte(usize offset) const;

  CfiFlash& flash_;
  const std::string name_;
  const unsigned width_;
  BlockBackend* const image_;
  FlashArray array_;
  std::function<void()> listener_;

  // Of everything below: guarded by the device's lock.
  Mode mode_ = Mode::kArray;
  Next next_ = Next::kCommand;
  u8 status_ = 0x80;
  std::vector<u8> locked_;  // a flag a block
  usize buffer_block_ = 0;
  u32 buffer_left_ = 0;  // data writes still to come
  struct BufferedWrite {
    u32 offset;
    u32 value;
    u8 size;
  };
  std::vector<BufferedWrite> buffer_;
  usize dirty_from_ = 0, dirty_to_ = 0;  // not in the image yet
  std::atomic<bool> direct_changed_{false};
};

}  // namespace ferry::devices
