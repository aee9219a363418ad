#include "devices/device.h"

namespace ferry::devices {

void Device::add_region(RegisterBank& bank) {
  banks_.push_back(&bank);
  windows_.push_back(std::make_unique<BankWindow>(*this, bank));
  regions_.push_back(windows_.back().get());
}

void Device::reset() {
  locked([&] {
    for (RegisterBank* bank : banks_) bank->reset();
    on_reset();
  });
}

void Device::visit(Archive& archive) {
  const auto body = [&] {
    archive.section(name_, [&] {
      for (RegisterBank* bank : banks_) bank->visit(archive);
      visit_state(archive);
    });
  };
  if (archive.loading()) {
    locked(body);
  } else {
    const std::lock_guard lock(mutex_);
    body();
  }
}

std::string Device::dump() {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const RegisterBank* bank : banks_) text += bank->dump();
  return text;
}

u64 Device::BankWindow::read(u64 offset, unsigned size) {
  u64 value = 0;
  device_.locked([&] { value = bank_.read(offset, size); });
  return value;
}

void Device::BankWindow::write(u64 offset, unsigned size, u64 value) {
  device_.locked([&] { bank_.write(offset, size, value); });
}

}  // namespace ferry::devices
