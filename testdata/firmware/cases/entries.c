/* First instructions, exactly: the linker script puts the functions whose names
   begin with entry_ into the middle of words, where an FPB of version 1 can only
   catch them behind that instruction. */
#include "cases.h"

#define ASSEMBLED __attribute__((naked)) NOINLINE

ASSEMBLED int entry_push(int n)
{
    __asm volatile("push {r4}\n"
                   "adds r4, r0, #1\n"
                   "lsls r0, r4, #1\n"
                   "pop  {r4}\n"
                   "bx   lr");
}

ASSEMBLED int entry_push_lr(int n)
{
    __asm volatile("push {r4, r5, lr}\n"
                   "adds r4, r0, #2\n"
                   "lsls r0, r4, #1\n"
                   "pop  {r4, r5, pc}");
}

ASSEMBLED int entry_sub_sp(int n)
{
    __asm volatile("sub  sp, #16\n"
                   "str  r0, [sp, #4]\n"
                   "ldr  r1, [sp, #4]\n"
                   "adds r0, r1, #3\n"
                   "add  sp, #16\n"
                   "bx   lr");
}

/* Into a register that brings no argument: nobody misses what was there. */
ASSEMBLED int entry_move(int n)
{
    __asm volatile("movs r3, #4\n"
                   "adds r0, r0, r3\n"
                   "nop\n"
                   "bx   lr");
}

ASSEMBLED int entry_literal(int n)
{
    /* The word at the end, seen from 4k+2. */
    __asm volatile(".inst.n 0x4b01 @ ldr r3, [pc, #4]\n"
                   "adds r0, r0, r3\n"
                   "bx   lr\n"
                   ".word 12345");
}

ASSEMBLED int entry_compare(int n)
{
    __asm volatile("cmp  r0, #9\n"
                   "it   gt\n"
                   "movgt r0, #9\n"
                   "adds r0, #6\n"
                   "bx   lr");
}

/* Overwrites the argument: the patch would not see it. */
ASSEMBLED int entry_argument(int n)
{
    __asm volatile("adds r0, #7\n"
                   "lsls r0, r0, #1\n"
                   "bx   lr");
}

/* Changes memory, which may be a device. */
ASSEMBLED int entry_store(int n, volatile int *to)
{
    __asm volatile("str  r0, [r1]\n"
                   "adds r0, #8\n"
                   "bx   lr");
}

/* Its own second half stands in the word behind. */
ASSEMBLED int entry_wide(int n)
{
    __asm volatile("add.w r0, r0, #9\n"
                   "nop\n"
                   "bx   lr");
}

/* Two in one word. */
ASSEMBLED void tiny_first(void) { __asm volatile("bx lr"); __builtin_unreachable(); }
ASSEMBLED void tiny_second(void) { __asm volatile("bx lr"); __builtin_unreachable(); }

/* Loops back into the word that a comparator replaces. */
ASSEMBLED int loop_at_0(int n)
{
    __asm volatile("1: subs r0, #3\n"
                   "bgt  1b\n"
                   "nop\n"
                   "bx   lr");
}

ASSEMBLED int loop_at_2(int n)
{
    __asm volatile("movs r1, #0\n"
                   "1: adds r1, r1, r0\n"
                   "subs r0, #1\n"
                   "bgt  1b\n"
                   "mov  r0, r1\n"
                   "bx   lr");
}
