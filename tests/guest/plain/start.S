// A program as people link one with no script of their own: -Ttext=0x40000000. The file's headers then land in flash, the
// data behind the code, and the program ends by PSCI.
  .globl _start
_start:
  ldr x1, =0x09000000
  ldr x2, =message
1: ldrb w3, [x2], #1
  cbz w3, 2f
  strb w3, [x1]
  b 1b
2: mrs x4, currentel
  lsr x4, x4, #2
  add w4, w4, '0'
  strb w4, [x1]
  ldr x5, =variable
  ldr w6, [x5]
  strb w6, [x1]
  ldr x5, =zeroes
  ldr w6, [x5, #4096]
  add w6, w6, '0'
  strb w6, [x1]
  ldr x5, =__ehdr_start  // the ELF header, where its segment says it is
  ldrb w6, [x5, #1]
  strb w6, [x1]
  mov w3, #10
  strb w3, [x1]
  ldr x0, =0x84000008
  hvc #0
  b .
  .data
  .balign 8
variable: .word 'D'
  .section .rodata
message: .asciz "hello from "
  .bss
  .balign 8
zeroes: .space 65536
