package csource

// keyword is what a word means for telling declarations apart.
type keyword uint8

const (
	noKeyword keyword = iota
	typeKey           // a built-in type
	callKey           // may stand in front of a parenthesis, and does not name a function
	flowKey           // begins a statement, or goes on with it
	tryKey            // stands in front of a body
	qualifier         // may stand behind the parameters
	classKey
	enumKey
	namespace
	external
	template
	operator
	requires
	aliasKey  // typedef, using
	accessKey // stands in front of a colon
	staticKey
	inlineKey
	bothKeys // macros of CMSIS that stand for static inline
)

var keywords = map[string]keyword{
	"int": typeKey, "void": typeKey, "char": typeKey, "short": typeKey, "long": typeKey, "float": typeKey, "double": typeKey,
	"unsigned": typeKey, "signed": typeKey, "bool": typeKey, "_Bool": typeKey, "auto": typeKey, "const": qualifier, "volatile": qualifier,
	"wchar_t": typeKey, "char8_t": typeKey, "char16_t": typeKey, "char32_t": typeKey, "_Complex": typeKey,

	"sizeof": callKey, "alignof": callKey, "_Alignof": callKey, "alignas": callKey, "_Alignas": callKey, "decltype": callKey,
	"typeof": callKey, "__typeof__": callKey, "__typeof": callKey, "typeof_unqual": callKey, "noexcept": callKey, "throw": callKey, "explicit": callKey,
	"static_assert": callKey, "_Static_assert": callKey, "asm": callKey, "__asm": callKey, "__asm__": callKey, "__attribute__": callKey,
	"__attribute": callKey, "__declspec": callKey, "_Atomic": callKey, "__extension__": callKey, "_BitInt": callKey, "_Generic": callKey,
	"new": callKey, "delete": callKey, "defined": callKey, "__pragma": callKey, "_Pragma": callKey, "typeid": callKey,

	"if": flowKey, "for": flowKey, "while": flowKey, "switch": flowKey, "return": flowKey, "do": flowKey, "else": flowKey, "case": flowKey,
	"default": flowKey, "goto": flowKey, "break": flowKey, "continue": flowKey, "catch": flowKey, "co_return": flowKey,
	"try": tryKey,

	"override": qualifier, "final": qualifier, "mutable": qualifier,
	"class": classKey, "struct": classKey, "union": classKey, "enum": enumKey, "namespace": namespace, "extern": external,
	"template": template, "operator": operator, "requires": requires, "typedef": aliasKey, "using": aliasKey,
	"public": accessKey, "private": accessKey, "protected": accessKey, "signals": accessKey, "Q_SIGNALS": accessKey,

	"static": staticKey, "inline": inlineKey, "__inline": inlineKey, "__inline__": inlineKey, "constexpr": inlineKey, "consteval": inlineKey,
	"__forceinline": inlineKey, "__INLINE": inlineKey, "__FORCEINLINE": inlineKey, "__STATIC_INLINE": bothKeys, "__STATIC_FORCEINLINE": bothKeys,
}
