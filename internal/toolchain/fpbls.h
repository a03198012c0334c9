/* For code that is patched into running firmware with fpbls.
 *
 *     int f(int x)
 *     {
 *         log("f(%d)", x);
 *         return FPB_ORIGINAL(f)(x);
 *     }
 *
 * FPB_ORIGINAL(f) is a pointer to the firmware's own function f, of f's type,
 * whether or not f is patched. Of a method it is a function whose first argument
 * is the object: FPB_ORIGINAL(C::m)(this, x). The symbol behind it exists only
 * while fpbls links: firmware that uses it does not link, so that it cannot be
 * flashed by accident.
 *
 * This file may be copied into a project, for editors that look for it.
 */
#ifndef FPBLS_H
#define FPBLS_H

#define FPB_ORIGINAL(f) FPB_ORIGINAL_(f, __COUNTER__)
#define FPB_ORIGINAL_(f, n) FPB_ORIGINAL_AS_(f, n)

#ifdef __cplusplus

namespace fpbls {

template <class F> struct callable { using type = F; };
template <class R, class C, class... A> struct callable<R (C::*)(A...)> { using type = R (*)(C *, A...); };
template <class R, class C, class... A> struct callable<R (C::*)(A...) const> { using type = R (*)(const C *, A...); };
#if __cpp_noexcept_function_type
template <class R, class C, class... A> struct callable<R (C::*)(A...) noexcept> { using type = R (*)(C *, A...); };
template <class R, class C, class... A> struct callable<R (C::*)(A...) const noexcept> { using type = R (*)(const C *, A...); };
#endif

}

/* The quotes are for the assembler: the name may be qualified. */
#define FPB_ORIGINAL_AS_(f, n) \
    (__extension__({ \
        extern void fpb_original_##n(void) __asm__("\"fpb.original." #f "\""); \
        reinterpret_cast<typename ::fpbls::callable<decltype(&f)>::type>(&fpb_original_##n); \
    }))

#else

#define FPB_ORIGINAL_AS_(f, n) \
    (__extension__({ \
        extern __typeof__(f) fpb_original_##n __asm__("fpb.original." #f); \
        &fpb_original_##n; \
    }))

#endif
#endif
