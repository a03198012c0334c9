// Every way to define a function that csource knows, as complete code: clang and
// csource must find the same ones.
#define SECTION(name) __attribute__((section(name)))
#define UNUSED __attribute__((unused))
#define API(type) type

extern "C" {
int c_function(void) { return 1; }
static inline int c_inline(int a) { return a; }
}
extern "C" int single(void) { return 2; }

SECTION(".ram") int in_section(void) { return 3; }
int attributed(int n) __attribute__((noinline));
int attributed(int n) { return n; }
API(int) macro_result(int a, char b) { return a + b; }
[[nodiscard]] static int unused_static(int n) UNUSED;
static int unused_static(int n) { return n; }
int (*pick(int n))(int) { return n ? attributed : nullptr; }
int (quiet)(void) { return '{' + '}'; }

struct Plain {
	int a, b;
};
static Plain plain = {1, 2};
static int table[] = {1, 2, 3};
enum Colour { red = (1), green };
Colour colour(Colour c) { return c; }
Plain make(struct Plain p = {1, 2}) { return p; }
int braces{3};

namespace a {
namespace b::c {
int nested() { return 1'000'000; }
} // namespace b::c
inline namespace v1 {
template <class T, int N = (1 > 0)> T generic(T t) { return t + N; }
template <> int generic<int, 3>(int t) { return t; }
}
namespace {
const char *raw() { return R"x( } " { )x"; }
}

template <class T> class Vector {
public:
	Vector() : data{}, size(0), grow{[](int n) { return n; }} {}
	explicit Vector(int n) noexcept(sizeof(T) > 1) : Vector() { size = n; }
	~Vector() { delete[] data; }
	T &operator[](int i) const { return data[i]; }
	int operator()(int i) { return i; }
	explicit operator bool() const { return size != 0; }
	operator T *() const { return data; }
	auto begin() const -> T * { return data; }
	template <class U> U as() const;
	static int count(int n = (3)) { return n; }
	friend bool operator<(const Vector &x, const Vector &y) { return x.size < y.size; }
	friend bool operator==(const Vector &x, const Vector &y) { return x.size == y.size; }
	struct Inner {
		int f() const volatile { return 1; }
	} inner;

private:
	T *data;
	int size : 31;
	int (*grow)(int) = nullptr;
	enum { small, large };
};

template <class T>
template <class U>
U Vector<T>::as() const
{
	return U(size);
}
template class Vector<int>;

class Base {
public:
	Base(int n);
	virtual ~Base();
	virtual int value() const = 0;
	int member;
};
Base::Base(int n)
try
	: member{n}
{
} catch (...) {
	throw;
}
Base::~Base() {}

class Derived final : public Base, private Vector<Vector<int>> {
public:
	Derived() : Base(1) {}
	Derived(const Derived &) = delete;
	Derived &operator=(const Derived &) = default;
	int value() const override { return [this] { return member; }(); }
};
} // namespace a

template <class T> concept Small = requires(T t) {
	t + t;
	{ t - t };
} && (sizeof(T) < 8);
template <class T> requires Small<T> && (sizeof(T) > 1) T constrained(T t) { return t; }
template <class T> T trailing(T t) requires Small<T> { return t; }
template <class T> requires requires(T t) { t * t; } T doubly(T t) { return t; }
template <class... Ts> int variadic(Ts &&...ts) { return sizeof...(ts); }
int by_lambda(int (*f)(int) = [](int n) { return n; }) { return f(1); }
auto lambda = [](int n) { return n; };
long operator""_km(unsigned long long n) { return n; }
auto operator<=>(const Plain &x, const Plain &y) { return x.a - y.a; }

int conditional(int a)
{
#if 1
	if (a) {
#else
	if (!a) {
#endif
		return table[0] + plain.a + unused_static(a) + c_inline(a) + a::raw()[0] + braces + lambda(a);
	}
	return 0;
}
#if 0
int never(void) { return 0; }
#endif
