#include "devices/cfi_flash.h"

#include <fmt/format.h>

#include "devices/cfi_flash_bank.h"

namespace ferry::devices {

Result<std::unique_ptr<Device>> CfiFlash::make(const DeviceContext& context) {
  const u32 width = context.cell("bank-width", 4);
  if (width != 1 && width != 2 && width != 4) {
    return Error{fmt::format("{}: bank-width is {}, expected 1, 2 or 4", context.name, width)};
  }
  for (usize i = 0; i < context.reg_sizes.size(); ++i) {
    const u64 size = context.reg_sizes[i];
    if (size == 0 || size % Bank::kBlockSize != 0 || size > u64{1} << 30) {
      return Error{
          fmt::format("{}: bank {} has {} bytes, expected a multiple of 256 KiB up to 1 GiB", context.name, i, size)};
    }
    if (context.block(i) != nullptr && context.block(i)->size() > size) {
      return Error{fmt::format("{}: the image of bank {} has {} bytes, expected at most {}", context.name, i,
                               context.block(i)->size(), size)};
    }
  }
  std::unique_ptr<CfiFlash> flash(new CfiFlash(context));
  for (auto& bank : flash->banks_of_flash_) {
    if (const Status status = bank->load(); !status) return status.error();
  }
  flash->reset();
  return std::unique_ptr<Device>(std::move(flash));
}

CfiFlash::CfiFlash(const DeviceContext& context)
    : Device(context.name), keeper_([this] {
        for (auto& bank : banks_of_flash_) bank->keep();
      }) {
  for (usize i = 0; i < context.reg_sizes.size(); ++i) {
    banks_of_flash_.push_back(std::make_unique<Bank>(*this, fmt::format("{} bank {}", name(), i),
                                                     static_cast<usize>(context.reg_sizes[i]),
                                                     context.cell("bank-width", 4), context.block(i)));
    add_region(*banks_of_flash_.back());
  }
}

CfiFlash::~CfiFlash() = default;

RomDevice* CfiFlash::rom_region(usize index) {
  return index < banks_of_flash_.size() ? banks_of_flash_[index].get() : nullptr;
}

void CfiFlash::on_reset() {
  for (auto& bank : banks_of_flash_) bank->reset();
}

void CfiFlash::visit_state(Archive& archive) {
  for (auto& bank : banks_of_flash_) bank->visit(archive);
}

void CfiFlash::after_unlock() {
  for (auto& bank : banks_of_flash_) bank->settle();
  keeper_.request();
}

}  // namespace ferry::devices
