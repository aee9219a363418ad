#include "debug/host_code.h"

#include "tests/catch.h"

using namespace ferry;

#if defined(__x86_64__)
TEST_CASE("host code is shown instruction by instruction") {
  const u8 code[] = {0x48, 0x89, 0xd8, 0xc3};  // mov rax, rbx; ret
  const std::string text = debug::disassemble_host(code, sizeof code);
  CHECK(text.find("mov rax, rbx") != std::string::npos);
  CHECK(text.find("ret") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE("bytes that are no instruction are shown as bytes, and the rest goes on") {
  const u8 code[] = {0x06, 0xc3};  // no such opcode in 64-bit mode
  const std::string text = debug::disassemble_host(code, sizeof code);
  CHECK(text.find("06  (not an instruction)") != std::string::npos);
  CHECK(text.find("ret") != std::string::npos);
}
#endif
