/*
 * gen_story_tables.c: the words of the stories: heroes, names, things, places, weathers, feelings,
 * traits. Rows i % 7 == 3 of kinds, names and things never occur in training (weir_gen_row), nor
 * do their words occur in the plots.
 */
#include "train/gen_story.h"

#define COUNT(table) (uint32_t)(sizeof(table) / sizeof(table)[0])

/* clang-format off */
enum {
    A = WEIR_STORY_ANIMAL, C = WEIR_STORY_CHILD, AD = WEIR_STORY_ADULT, MG = WEIR_STORY_MAGIC,
    SM = WEIR_STORY_SMALL, BG = WEIR_STORY_BIG, FL = WEIR_STORY_FLIES, TI = WEIR_STORY_TINY,
    HE = WEIR_STORY_HE, SHE = WEIR_STORY_SHE, PE = WEIR_STORY_PET, WK = WEIR_STORY_WALKS
};

#define LITTLE "[little|little|little|small|tiny|young]"
#define SMALLISH "[little|little|small|young]"
#define LARGE "[big|young|little|big|great]"
#define GROWN "[young|old|young|]"

const weir_story_kind weir_story_kinds[] = {
    /* 0 */
    {"mouse", "mice", A | SM | WK, LITTLE, "hole", "[in a snug hole under an oak tree|in a hole behind the kitchen wall|under the floor of an old barn]", "cheese", "[scurried|scampered|darted]", "[crept|tiptoed]", "squeaked", "whiskers"},
    {"rabbit", "rabbits", A | SM | WK | PE, LITTLE, "burrow", "[in a warm burrow under the hill|in a burrow at the edge of the meadow|under a bramble bush]", "carrots", "[hopped|bounded|raced]", "hopped", "cried", "ears"},
    {"fox", "foxes", A | WK, SMALLISH, "den", "[in a den at the edge of the forest|in a den between the roots of a pine tree|near the old stone bridge]", "berries", "[ran|dashed|trotted]", "trotted", "called", "tail"},
    {"hedgehog", "hedgehogs", A | SM | WK, LITTLE, "nest", "[in a nest of dry leaves|under a hedge by the lane]", "apples", "[scuttled|hurried]", "shuffled", "squeaked", "nose"},
    {"bear", "bears", A | BG | WK, LARGE, "cave", "[in a cave on the mountain|in a cave deep in the forest|beside the waterfall]", "honey", "[ran|galloped|hurried]", "plodded", "growled", "ears"},
    {"squirrel", "squirrels", A | SM | WK, LITTLE, "tree house", "[high up in an old oak tree|in a hollow tree|in the tallest tree of the park]", "nuts", "[scampered|dashed|leaped]", "scampered", "chattered", "tail"},
    {"cat", "cats", A | WK | PE, SMALLISH, "house", "[in a house with a green door|on a farm|in a flower shop]", "fish", "[ran|dashed|leaped]", "padded", "meowed", "tail"},
    /* 7 */
    {"dog", "dogs", A | WK | PE, "[little|big|young|small]", "kennel", "[in a kennel behind the farm|in a yellow house by the road|in a house near the sea]", "bones", "[ran|raced|dashed]", "trotted", "barked", "tail"},
    {"frog", "frogs", A | SM | WK, LITTLE, "pond", "[beside a quiet pond|among the water lilies|in a green pond behind the mill]", "water beetles", "[hopped|leaped|jumped]", "hopped", "croaked", "eyes"},
    {"duck", "ducks", A | SM | FL, SMALLISH, "nest", "[in the reeds by the lake|on a pond behind the farm|by a slow river]", "bread crumbs", "[waddled quickly|hurried|flapped]", "waddled", "quacked", "wings"},
    {"otter", "otters", A | WK, LITTLE, "den", "[on the bank of a river|by a clear stream]", "fish", "[ran|raced|slid]", "trotted", "chirped", "whiskers"},
    {"turtle", "turtles", A | WK, SMALLISH, "hollow", "[beside a pond|near a sandy beach|under a shady bush]", "lettuce", "[hurried|crawled as fast as he could|hurried]", "crawled", "called", "head"},
    {"owl", "owls", A | FL | WK, SMALLISH, "nest", "[in a hollow tree|in the tower of an old church|high up in a pine tree]", "seed cakes", "[flew|swooped|flapped]", "flew", "hooted", "feathers"},
    {"kitten", "kittens", A | SM | WK | PE, LITTLE, "basket", "[in a basket by the stove|in a house with a red roof|in a bookshop]", "milk", "[ran|scampered|dashed]", "padded", "meowed", "tail"},
    /* 14 */
    {"puppy", "puppies", A | SM | WK | PE, LITTLE, "basket", "[in a basket under the stairs|on a farm|in a house full of children]", "biscuits", "[ran|raced|bounded]", "trotted", "yapped", "tail"},
    {"bunny", "bunnies", A | SM | WK | PE, LITTLE, "burrow", "[in a burrow under the roses|in a soft green meadow|under the roots of a tree]", "clover", "[hopped|bounded|raced]", "hopped", "cried", "ears"},
    {"elephant", "elephants", A | BG | WK, LARGE, "clearing", "[by a wide river|on the grassy plain|near a watering hole]", "bananas", "[ran|stomped|hurried]", "walked", "trumpeted", "ears"},
    {"raccoon", "raccoons", A | WK, LITTLE, "hollow", "[in a hollow log|behind the mill]", "corn", "[ran|scurried]", "crept", "chattered", "tail"},
    {"lion", "lions", A | BG | WK, LARGE, "cave", "[on the grassy plain|in a cave of yellow stone|under a shady tree]", "pies", "[ran|bounded|raced]", "walked", "roared", "tail"},
    {"monkey", "monkeys", A | WK, SMALLISH, "tree", "[at the top of a mango tree|in the green jungle|in a tree by the river]", "bananas", "[swung|ran|leaped]", "climbed", "chattered", "tail"},
    {"pig", "pigs", A | WK, SMALLISH, "sty", "[on a farm|in a neat little sty|at the end of the village]", "turnips", "[ran|trotted|hurried]", "trotted", "squealed", "ears"},
    /* 21 */
    {"hen", "hens", A | SM | WK | SHE, SMALLISH, "coop", "[on a farm|in a coop behind the cottage|in a yard with a white fence]", "corn", "[ran|hurried|flapped]", "strutted", "clucked", "feathers"},
    {"cow", "cows", A | BG | WK | SHE, "[big|brown|young]", "barn", "[on a farm|in a wide green field|in a red barn]", "grass", "[ran|trotted|hurried]", "walked", "mooed", "ears"},
    {"lamb", "lambs", A | SM | WK, LITTLE, "barn", "[on a hill with many sheep|in a warm barn|in a field of daisies]", "clover", "[skipped|ran|bounded]", "trotted", "bleated", "ears"},
    {"badger", "badgers", A | WK, SMALLISH, "den", "[in a den under the hill|deep in the wood]", "roots", "[ran|hurried]", "plodded", "grunted", "nose"},
    {"pony", "ponies", A | BG | WK, SMALLISH, "stable", "[in a stable near the village|on a farm|in a meadow by the river]", "apples", "[galloped|trotted|raced]", "trotted", "neighed", "ears"},
    {"wolf", "wolves", A | BG | WK, LARGE, "den", "[in a den in the snowy hills|at the edge of the dark forest|on a rocky hill]", "soup", "[ran|raced|bounded]", "trotted", "howled", "tail"},
    {"deer", "deer", A | WK, SMALLISH, "clearing", "[in a quiet forest|among the birch trees|near a clear stream]", "fresh leaves", "[ran|bounded|leaped]", "stepped softly", "called", "ears"},
    /* 28 */
    {"mole", "moles", A | SM | WK, LITTLE, "tunnel", "[in a tunnel under the garden|under the old meadow|in a round room under the ground]", "roots", "[scurried|hurried|shuffled]", "shuffled", "squeaked", "nose"},
    {"beaver", "beavers", A | WK, SMALLISH, "lodge", "[in a lodge on the river|behind a dam of sticks|by a quiet lake]", "bark", "[ran|paddled|hurried]", "waddled", "called", "tail"},
    {"penguin", "penguins", A | WK, LITTLE, "igloo", "[on the ice|by the cold blue sea|on a snowy island]", "fish", "[waddled quickly|slid|hurried]", "waddled", "squawked", "wings"},
    {"goose", "geese", A | FL | WK, SMALLISH, "nest", "[on a farm|by a wide lake]", "grain", "[ran|flapped]", "waddled", "honked", "feathers"},
    {"sparrow", "sparrows", A | SM | FL, LITTLE, "nest", "[under the roof of a school|in a rose bush|in a cherry tree]", "seeds", "[flew|fluttered|darted]", "flew", "chirped", "feathers"},
    {"crow", "crows", A | FL, SMALLISH, "nest", "[at the top of a bare tree|on the church tower|near the wheat fields]", "cherries", "[flew|flapped|swooped]", "flew", "cawed", "feathers"},
    {"robin", "robins", A | SM | FL, LITTLE, "nest", "[in a garden|in a holly bush|in an old teapot in the garden wall]", "crumbs", "[flew|fluttered|darted]", "flew", "chirped", "feathers"},
    /* 35 */
    {"snail", "snails", A | SM | TI, LITTLE, "shell", "[under a rhubarb leaf|in a garden|on a mossy wall]", "lettuce", "[slid along as fast as a snail can|hurried]", "crept", "called", "horns"},
    {"bee", "bees", A | SM | TI | FL, LITTLE, "hive", "[in a hive behind the cottage|in a hollow lime tree|near a field of flowers]", "nectar", "[flew|zoomed|buzzed]", "flew", "buzzed", "wings"},
    {"butterfly", "butterflies", A | SM | TI | FL, LITTLE, "leaf", "[in a garden full of flowers|in a sunny meadow|among the roses]", "nectar", "[flew|fluttered|danced]", "fluttered", "called", "wings"},
    {"koala", "koalas", A | WK, LITTLE, "tree", "[in a tall gum tree|in the quiet woods]", "leaves", "[ran|scrambled]", "climbed", "called", "ears"},
    {"tiger", "tigers", A | BG | WK, LARGE, "cave", "[in the green jungle|in a cave behind the waterfall|by a jungle river]", "rice cakes", "[ran|bounded|leaped]", "padded", "roared", "tail"},
    {"giraffe", "giraffes", A | BG | WK, "[tall|young|little]", "clearing", "[on the grassy plain|near the tallest trees|by a watering hole]", "leaves", "[ran|galloped|hurried]", "strolled", "called", "ears"},
    {"donkey", "donkeys", A | BG | WK, SMALLISH, "stable", "[in a stable behind the inn|on a farm|at the foot of the mountain]", "carrots", "[trotted|ran|hurried]", "trotted", "brayed", "ears"},
    /* 42 */
    {"goat", "goats", A | WK, SMALLISH, "shed", "[on a steep green hill|on a mountain farm|in a shed by the bridge]", "thistles", "[ran|skipped|leaped]", "trotted", "bleated", "ears"},
    {"chick", "chicks", A | SM | TI, LITTLE, "coop", "[on a farm|in a coop full of straw|in a warm yard]", "grain", "[ran|scuttled|hurried]", "pattered", "cheeped", "wings"},
    {"duckling", "ducklings", A | SM | WK, LITTLE, "nest", "[in the reeds by the lake|on a pond behind the mill|by a slow river]", "bread crumbs", "[waddled quickly|paddled|hurried]", "waddled", "peeped", "wings"},
    {"zebra", "zebras", A | BG | WK, SMALLISH, "clearing", "[on the grassy plain|near a watering hole]", "grass", "[ran|galloped]", "trotted", "called", "ears"},
    {"ant", "ants", A | SM | TI, LITTLE, "hill", "[in an ant hill by the path|under a flat stone|in a crack of the garden wall]", "sugar", "[ran|hurried|scurried]", "marched", "called", "feelers"},
    {"ladybug", "ladybugs", A | SM | TI | FL, LITTLE, "leaf", "[on a rose bush|in a garden|under a cabbage leaf]", "dew", "[flew|hurried|whirred]", "crawled", "called", "wings"},
    {"bat", "bats", A | SM | FL, LITTLE, "cave", "[in a dark cave|under the roof of a barn|in the bell tower]", "moths", "[flew|swooped|fluttered]", "flew", "squeaked", "wings"},
    /* 49 */
    {"girl", "girls", C | SHE | WK, "[little|little|small|young]", "house", "[in a small house by the sea|in a village between two hills|at the end of a long street|on a farm]", "pancakes", "[ran|raced|hurried]", "walked", "cried", "face"},
    {"boy", "boys", C | HE | WK, "[little|little|small|young]", "house", "[in a small house by the sea|in a village between two hills|at the end of a long street|on a farm]", "pancakes", "[ran|raced|hurried]", "walked", "cried", "face"},
    {"dragon", "dragons", MG | BG | FL | WK, "[little|young|big|green|small]", "cave", "[in a cave on top of a mountain|in a cave above the village|behind the seven hills]", "hot soup", "[flew|swooped|hurried]", "stomped", "roared", "wings"},
    {"elf", "elves", MG | SM | WK, LITTLE, "tree house", "[in a tree house|under a toadstool]", "berries", "[ran|skipped]", "tiptoed", "called", "ears"},
    {"robot", "robots", MG | WK, "[little|small|shiny|old|round]", "workshop", "[in a workshop full of wheels|in a tidy white house|in the attic of a toy shop]", "oil", "[rolled|hurried|raced]", "rolled", "beeped", "lights"},
    {"fairy", "fairies", MG | SM | FL | SHE, LITTLE, "flower", "[in a bluebell|in a garden full of roses|in a hollow tree]", "honey", "[flew|fluttered|darted]", "flew", "called", "wings"},
    {"princess", "princesses", C | SHE | WK, "[little|young|little]", "castle", "[in a white castle|in a castle with seven towers|in a castle by the sea]", "cherry pie", "[ran|hurried|raced]", "walked", "cried", "face"},
    /* 56 */
    {"prince", "princes", C | HE | WK, "[little|young|little]", "castle", "[in a white castle|in a castle with seven towers|in a castle by the sea]", "cherry pie", "[ran|hurried|raced]", "walked", "cried", "face"},
    {"knight", "knights", AD | WK, "[young|little|old]", "castle", "[in a castle on a hill|in a tower by the river|at the court of the king]", "stew", "[ran|rode|hurried]", "marched", "called", "face"},
    {"king", "kings", AD | HE | WK, "[young|old|little]", "palace", "[in a golden palace|in a castle on a rock|in a palace with a hundred windows]", "plum cake", "[ran|hurried|strode]", "walked", "called", "face"},
    {"gnome", "gnomes", MG | SM | WK, LITTLE, "mushroom house", "[under a big mushroom|in the roots of a tree]", "acorn soup", "[ran|trotted]", "walked", "called", "beard"},
    {"queen", "queens", AD | SHE | WK, "[young|old|young]", "palace", "[in a golden palace|in a castle on a rock|in a palace with a hundred windows]", "plum cake", "[ran|hurried|rushed]", "walked", "called", "face"},
    {"wizard", "wizards", AD | HE | WK | MG, "[old|young|little]", "tower", "[in a crooked tower|in a tower full of books|on a hill of blue stone]", "mushroom soup", "[ran|hurried|rushed]", "walked", "called", "beard"},
    {"witch", "witches", AD | SHE | WK | MG, "[young|old|little]", "cottage", "[in a cottage in the woods|in a crooked house|on the edge of the swamp]", "pumpkin soup", "[ran|hurried|flew on her broom]", "walked", "called", "face"},
    /* 63 */
    {"farmer", "farmers", AD | WK, GROWN, "farmhouse", "[on a farm|in a farmhouse between two fields|at the foot of a green hill]", "potato pie", "[ran|hurried|rushed]", "walked", "called", "face"},
    {"baker", "bakers", AD | WK, GROWN, "bakery", "[above a bakery|in a small town by a river|in a house that smelled of bread]", "fresh rolls", "[ran|hurried|rushed]", "walked", "called", "face"},
    {"pirate", "pirates", AD | WK, "[young|old|little]", "ship", "[on a ship with red sails|on a small green island|in a harbor town]", "fish stew", "[ran|hurried|raced]", "strode", "shouted", "face"},
    {"yeti", "yetis", MG | BG | WK, "[big|young|little]", "cave", "[in a cave of ice|on the highest mountain]", "snow cones", "[ran|stomped]", "plodded", "roared", "ears"},
    {"giant", "giants", MG | BG | WK | AD, "[young|big|huge]", "house", "[in a huge stone house|behind the mountains|at the top of a hill]", "porridge", "[ran|hurried|stomped]", "stomped", "boomed", "face"},
    {"unicorn", "unicorns", MG | BG | WK, "[little|young|white]", "glade", "[in a secret glade|in a silver forest|beside a lake of clear water]", "clover", "[galloped|ran|trotted]", "trotted", "called", "ears"},
    {"monster", "monsters", MG | BG | WK, "[little|small|big|furry]", "cave", "[under an old bed|in a cupboard under the stairs|in a cave full of cushions]", "jam sandwiches", "[ran|hurried|stomped]", "tiptoed", "growled", "ears"},
    /* 70 */
    {"dinosaur", "dinosaurs", A | BG | WK, "[little|young|big|green]", "nest", "[in a warm green valley|beside a smoking mountain|near a swamp full of ferns]", "leaves", "[ran|stomped|hurried]", "stomped", "roared", "tail"},
    {"teddy bear", "teddy bears", MG | SM | WK, "[little|small|brown|old]", "toy box", "[on a shelf in a toy shop|in a box under a bed|on a soft blue pillow]", "honey cakes", "[ran|hurried|tumbled]", "tiptoed", "called", "ears"},
    {"swan", "swans", A | BG | FL, "[young|white|little]", "nest", "[on a silver lake|in the park|among the reeds]", "water plants", "[flew|hurried|paddled]", "glided", "called", "wings"},
};
const uint32_t weir_story_n_kinds = COUNT(weir_story_kinds);

const weir_story_name weir_story_names[] = {
    {"Pip", false}, {"Lily", true}, {"Tom", false}, {"Juniper", true}, {"Max", false}, {"Mia", true}, {"Ben", false},
    {"Rosie", true}, {"Finn", false}, {"Ella", true}, {"Otto", false}, {"Leo", false}, {"Anna", true}, {"Sam", false},
    {"Daisy", true}, {"Milo", false}, {"Luna", true}, {"Casper", false}, {"Oscar", false}, {"Ruby", true}, {"Theo", false},
    {"Molly", true}, {"Jack", false}, {"Hazel", true}, {"Wilma", true}, {"Hugo", false}, {"Nora", true}, {"Toby", false},
    {"Poppy", true}, {"Felix", false}, {"Clara", true}, {"Rufus", false}, {"Noah", false}, {"Emma", true}, {"Charlie", false},
    {"Penny", true}, {"Jasper", false}, {"Maya", true}, {"Odette", true}, {"Bruno", false}, {"Sophie", true}, {"Freddie", false},
    {"Tilly", true}, {"Barnaby", false}, {"Willa", true}, {"Quincy", false}, {"Archie", false}, {"Nell", true}, {"Kai", false},
    {"Stella", true}, {"Monty", false}, {"Zoe", true}, {"Mabel", true}, {"Gus", false}, {"Flora", true}, {"Ned", false},
    {"Bella", true}, {"Tim", false}, {"Alma", true}, {"Ferdinand", false}, {"Amir", false}, {"Suki", true}, {"Pedro", false},
    {"Lottie", true}, {"Ollie", false}, {"Lucy", true}, {"Winston", false}, {"Billy", false}, {"Nina", true}, {"Henry", false},
};
const uint32_t weir_story_n_names = COUNT(weir_story_names);

enum {
    T = WEIR_STORY_TOY, L = WEIR_STORY_LIGHT, S = WEIR_STORY_SHINY, M = WEIR_STORY_MUSIC,
    W = WEIR_STORY_WEAR, P = WEIR_STORY_POCKET, FR = WEIR_STORY_FRAIL, FO = WEIR_STORY_FLOATS,
    E = WEIR_STORY_EATEN, X = WEIR_STORY_TOOL, H = WEIR_STORY_HOLLOW
};

#define COLOUR "[red|blue|yellow|green|purple|orange|white]"
#define METAL "[silver|golden|shiny|tiny|old]"
#define LOOK "look at", "looked at", "looking at"
#define PLAY "play with", "played with", "playing with"
#define GLUED "glued [it together again|the pieces together]"
#define SEWN "[sewed it up with a needle and thread|stitched it neatly together]"
#define NAILED "[fixed it with a nail and a little glue|mended it with string and glue]"

const weir_story_object weir_story_objects[] = {
    /* 0 */
    {"kite", COLOUR, T | FR, "fly", "flew", "flying", "tore", SEWN},
    {"ball", COLOUR, T | FO, PLAY, NULL, NULL},
    {"drum", COLOUR, T | M | FR, "play", "played", "playing", "[cracked|split]", GLUED},
    {"harmonica", METAL, T | M | P | S, "play", "played", "playing", NULL, NULL},
    {"book", "[old|blue|thick|red|little]", FR, "read", "read", "reading", "[lost three pages|tore]", GLUED},
    {"lamp", "[little|golden|old|green|round]", L | FR, "light", "lit", "lighting", "cracked", GLUED},
    {"lantern", "[little|red|old|bright|round]", L | FR | X, "carry", "carried", "carrying", "cracked", GLUED},
    /* 7 */
    {"bell", METAL, P | S, "ring", "rang", "ringing", NULL, NULL},
    {"key", METAL, P | S | X, LOOK, NULL, NULL},
    {"boat", "[little|red|blue|wooden|paper]", T | FO | FR, "sail", "sailed", "sailing", "[cracked|broke in two]", NAILED},
    {"spyglass", METAL, X | FR, "look through", "looked through", "looking through", "cracked", GLUED},
    {"hat", "[red|blue|tall|straw|green|yellow]", W | FR | H, "wear", "wore", "wearing", "tore", SEWN},
    {"scarf", "[red|blue|long|striped|woolly|yellow]", W | FR, "wear", "wore", "wearing", "tore", SEWN},
    {"umbrella", "[red|yellow|big|striped|green]", X | FR, "carry", "carried", "carrying", "[tore|snapped]", SEWN},
    /* 14 */
    {"ring", "[golden|silver|tiny|shiny]", W | P | S, "wear", "wore", "wearing", NULL, NULL},
    {"crown", "[golden|paper|silver|shiny]", W | S | FR, "wear", "wore", "wearing", "[bent|broke]", GLUED},
    {"drumstick", "[long|wooden|red]", T | FR, "drum with", "drummed with", "drumming with", "snapped", GLUED},
    {"thimble", METAL, P | S | H, LOOK, NULL, NULL},
    {"feather", "[white|blue|long|golden|soft|green]", P, LOOK, NULL, NULL},
    {"shell", "[pink|white|shiny|big|pretty]", P | S, "listen to", "listened to", "listening to", NULL, NULL},
    {"pebble", "[round|white|smooth|shiny|speckled]", P | S, LOOK, NULL, NULL},
    /* 21 */
    {"coin", "[golden|silver|old|shiny]", P | S, LOOK, NULL, NULL},
    {"button", "[red|blue|golden|round|shiny]", P | S, LOOK, NULL, NULL},
    {"doll", "[little|rag|wooden|pretty]", T | FR, PLAY, "[tore|lost an arm]", SEWN},
    {"puppet", "[wooden|funny|little]", T | FR, PLAY, "lost a leg", NAILED},
    {"wagon", "[red|little|wooden|blue]", T | FR | X | H, "pull", "pulled", "pulling", "[lost a wheel|broke]", NAILED},
    {"sled", "[red|wooden|old|fast]", T | FR | X, "ride", "rode", "riding", "[cracked|broke]", NAILED},
    {"balloon", COLOUR, T, PLAY, NULL, NULL},
    /* 28 */
    {"flute", "[wooden|silver|little|old]", M | FR, "play", "played", "playing", "cracked", GLUED},
    {"fiddle", "[old|brown|little]", M | FR, "play", "played", "playing", "[cracked|lost a string]", NAILED},
    {"horn", "[golden|little|old|brass]", M | S, "blow", "blew", "blowing", NULL, NULL},
    {"tambourine", "[round|red|old]", T | FR, "shake", "shook", "shaking", "cracked", GLUED},
    {"whistle", "[tin|silver|little|red]", P | T | S, "blow", "blew", "blowing", NULL, NULL},
    {"blanket", "[blue|soft|woolly|red|patchwork]", FR | W, "cuddle", "cuddled", "cuddling", "tore", SEWN},
    {"pillow", "[soft|blue|white|round]", FR, "cuddle", "cuddled", "cuddling", "tore", SEWN},
    /* 35 */
    {"basket", "[little|big|brown|round]", X | H | FR | FO, "carry", "carried", "carrying", "[tore|broke]", "[wove it whole again|mended it with fresh twigs]"},
    {"bucket", "[red|tin|blue|little]", X | H | FO, "carry", "carried", "carrying", NULL, NULL},
    {"teapot", "[blue|white|little|round|brown]", FR | H, LOOK, "cracked", GLUED},
    {"compass", "[old|brass|little]", P | X | S, LOOK, NULL, NULL},
    {"cup", "[blue|white|little|golden|red]", FR | H, "drink from", "drank from", "drinking from", "[cracked|broke]", GLUED},
    {"plate", "[blue|white|painted]", FR, LOOK, "[cracked|broke]", GLUED},
    {"vase", "[blue|tall|white|painted]", FR | H, LOOK, "[cracked|broke]", GLUED},
    /* 42 */
    {"clock", "[old|little|golden|round]", FR, LOOK, "stopped ticking", "[set its wheels right|oiled its wheels and wound it up]"},
    {"watch", "[golden|silver|old|little]", P | S | FR, LOOK, "stopped ticking", "[set its tiny wheels right|cleaned its wheels and wound it up]"},
    {"mirror", "[little|round|silver|old]", S | FR, "look into", "looked into", "looking into", "cracked", GLUED},
    {"marble", "[blue|green|glass|round|striped]", T | P | S, PLAY, NULL, NULL},
    {"top", "[spinning|red|wooden|striped]", T | P | FR, "spin", "spun", "spinning", "cracked", GLUED},
    {"train", "[toy|red|blue|little|wooden]", T | FR, PLAY, "[lost a wheel|broke]", NAILED},
    {"truck", "[toy|red|blue|yellow]", T | FR, PLAY, "[lost a wheel|broke]", NAILED},
    /* 49 */
    {"car", "[toy|red|blue|green]", T | FR, PLAY, "[lost a wheel|broke]", NAILED},
    {"rope", "[long|strong|thick|new]", X | FR, "jump over", "jumped over", "jumping over", "snapped", "tied a strong knot in it"},
    {"ladder", "[long|old|wooden|tall]", X | FR, "climb", "climbed", "climbing", "[cracked|broke]", NAILED},
    {"mitten", "[red|woolly|striped|blue]", W | FR | P, "wear", "wore", "wearing", "tore", SEWN},
    {"glove", "[red|woolly|soft|blue]", W | FR | P, "wear", "wore", "wearing", "tore", SEWN},
    {"coat", "[warm|red|blue|green|woolly]", W | FR, "wear", "wore", "wearing", "tore", SEWN},
    {"cape", "[red|blue|golden|long]", W | FR | T, "wear", "wore", "wearing", "tore", SEWN},
    /* 56 */
    {"ribbon", "[red|blue|silk|long|yellow]", W | P, "wear", "wore", "wearing", NULL, NULL},
    {"necklace", "[golden|silver|bead|pretty]", W | S | P | FR, "wear", "wore", "wearing", "[broke|snapped]", "threaded the beads on a new string"},
    {"brush", "[little|wooden|soft|red]", X | P, "paint with", "painted with", "painting with", NULL, NULL},
    {"trumpet", "[brass|little|golden]", M | T | S, "play", "played", "playing", NULL, NULL},
    {"picture", "[little|bright|pretty|funny]", FR, LOOK, "tore", GLUED},
    {"map", "[old|yellow|little|torn]", P, "read", "read", "reading", NULL, NULL},
    {"letter", "[long|blue|short|old]", P, "read", "read", "reading", NULL, NULL},
    /* 63 */
    {"box", "[little|wooden|blue|golden|old]", H | FR, "open", "opened", "opening", "cracked", NAILED},
    {"chest", "[old|wooden|heavy|little]", H, "open", "opened", "opening", NULL, NULL},
    {"bag", "[brown|red|little|old]", H | FR | X, "carry", "carried", "carrying", "tore", SEWN},
    {"sailboat", "[white|little|wooden]", T | FO | FR, "sail", "sailed", "sailing", "cracked", NAILED},
    {"shovel", "[red|little|new|old]", X | FR, "dig with", "dug with", "digging with", "broke", NAILED},
    {"spade", "[little|blue|new|old]", X | FR, "dig with", "dug with", "digging with", "broke", NAILED},
    {"hammer", "[little|new|old|heavy]", X, "work with", "worked with", "working with", NULL, NULL},
    /* 70 */
    {"spoon", "[silver|wooden|little|big]", X | P, "eat with", "ate with", "eating with", NULL, NULL},
    {"bowl", "[blue|white|wooden|round]", FR | H, "eat from", "ate from", "eating from", "[cracked|broke]", GLUED},
    {"pot", "[big|black|little|copper]", H | X, "cook with", "cooked with", "cooking with", NULL, NULL},
    {"bracelet", "[silver|golden|bead]", W | S | P | FR, "wear", "wore", "wearing", "snapped", "threaded the beads on a new string"},
    {"star", "[paper|golden|silver|little]", P | S, LOOK, NULL, NULL},
    {"candle", "[white|red|long|little]", L, "light", "lit", "lighting", NULL, NULL},
    {"flag", "[red|blue|little|green|striped]", T | FR, "wave", "waved", "waving", "tore", SEWN},
    /* 77 */
    {"swing", "[wooden|new|red|rope]", T | FR, "sit on", "sat on", "sitting on", "[snapped|broke]", "tied it up with a new rope"},
    {"scooter", "[red|blue|fast|shiny]", T | FR, "ride", "rode", "riding", "[lost a wheel|broke]", NAILED},
    {"bicycle", "[red|blue|green|shiny]", T | FR, "ride", "rode", "riding", "[lost a wheel|broke]", NAILED},
    {"pinwheel", "[paper|striped|bright]", T | FR, PLAY, "tore", GLUED},
    {"hoop", COLOUR, T, "roll", "rolled", "rolling", NULL, NULL},
    {"rattle", "[little|red|wooden]", T | P, "shake", "shook", "shaking", NULL, NULL},
    {"music box", "[little|golden|old|blue]", FR | S, "listen to", "listened to", "listening to", "stopped playing", "[set its tiny wheels right|oiled its wheels]"},
    /* 84 */
    {"robot", "[toy|tin|little|silver]", T | FR, PLAY, "lost an arm", NAILED},
    {"toy horse", "[wooden|little|white|old]", T | FR, PLAY, "lost a leg", NAILED},
    {"paintbox", "[little|new|wooden]", X, "paint with", "painted with", "painting with", NULL, NULL},
    {"paddle", "[long|wooden]", X | FR | FO, "row with", "rowed with", "rowing with", "snapped", NAILED},
    {"pencil", "[red|blue|long|golden]", P | X, "draw with", "drew with", "drawing with", NULL, NULL},
    {"crayon", COLOUR, P | T, "draw with", "drew with", "drawing with", NULL, NULL},
    {"cushion", "[soft|red|round|blue]", FR, "sit on", "sat on", "sitting on", "tore", SEWN},
    /* 91 */
    {"apron", "[white|blue|striped|little]", W | FR, "wear", "wore", "wearing", "tore", SEWN},
    {"boot", "[red|yellow|old|little]", W | FR, "wear", "wore", "wearing", "tore", SEWN},
    {"gem", "[red|green|blue|sparkling]", P | S, LOOK, NULL, NULL},
    {"magnet", "[red|strong|little]", P | X | T, PLAY, NULL, NULL},
    {"pearl", "[white|round|shining|tiny]", P | S, LOOK, NULL, NULL},
    {"crystal", "[blue|clear|shining|green]", P | S | L, LOOK, NULL, NULL},
    {"acorn", "[golden|big|brown|shiny]", P, LOOK, NULL, NULL},
    /* 98 */
    {"seed", "[tiny|round|strange|golden]", P, LOOK, NULL, NULL},
    {"flower", "[red|blue|white|yellow]", P, "smell", "smelled", "smelling", NULL, NULL},
    {"leaf", "[red|golden|yellow|big]", P, LOOK, NULL, NULL},
    {"torch", "[bright|long|little]", L | X, "light", "lit", "lighting", NULL, NULL},
    {"egg", "[blue|speckled|big|painted]", P, LOOK, NULL, NULL},
    {"jar", "[glass|little|blue|round]", H | FR, LOOK, "cracked", GLUED},
    {"bottle", "[green|glass|blue|little]", H | FO, LOOK, NULL, NULL},
};
const uint32_t weir_story_n_objects = COUNT(weir_story_objects);

enum {
    WI = WEIR_STORY_WILD, WA = WEIR_STORY_WATER, D = WEIR_STORY_DARK, HI = WEIR_STORY_HIGH,
    PP = WEIR_STORY_PEOPLE, G = WEIR_STORY_GREEN, PK = WEIR_STORY_PEAK
};

const weir_story_place weir_story_places[] = {
    {"forest", "in the forest", "into the forest", WI | D | G, "[under a tall fern|behind a mossy log|between the roots of an old oak|in a heap of leaves]"},
    {"meadow", "in the meadow", "to the meadow", WI | G, "[in the long grass|under a dandelion leaf|behind a clump of daisies|beside a molehill]"},
    {"river", "by the river", "to the river", WI | WA | G, "[among the reeds|between two wet stones|under the willow tree|behind a floating log]"},
    {"beach", "on the beach", "to the beach", WI | WA, "[in a pile of seaweed|under an old boat|between two rocks|in the warm sand]"},
    {"hill", "on the hill", "up the hill", WI | HI | G | PK, "[behind a big gray stone|under a lonely pine tree|in the heather|in a small hollow]"},
    {"garden", "in the garden", "to the garden", G, "[under the rose bush|behind the watering can|among the cabbages|beside the garden wall]"},
    {"park", "in the park", "to the park", PP | G, "[under a wooden bench|behind the fountain|in a flower bed|near the old statue]"},
    {"pond", "at the pond", "to the pond", WI | WA | G, "[among the water lilies|under a mossy stone|in the mud by the bank|behind the reeds]"},
    {"cave", "in the cave", "to the cave", WI | D, "[behind a pointed rock|in a dark corner|under a flat stone|in a crack in the wall]"},
    {"mountain", "on the mountain", "up the mountain", WI | HI | PK, "[behind a boulder|under a ledge of rock|in a patch of snow|beside a little spring]"},
    {"farm", "on the farm", "to the farm", PP | G, "[in the hay|behind the milk cans|under the cart|beside the hen house]"},
    {"village", "in the village", "to the village", PP, "[behind the well|under the baker's window|beside the church door|in a pile of barrels]"},
    {"market", "at the market", "to the market", PP, "[under a fruit stall|behind a stack of baskets|between two sacks of flour|beside the fish stand]"},
    {"lake", "by the lake", "to the lake", WI | WA | G, "[under the little bridge|among the reeds|on the stony shore|behind an old rowing boat]"},
    {"orchard", "in the orchard", "to the orchard", G, "[under an apple tree|behind a ladder|in the tall grass|in a pile of fallen leaves]"},
    {"castle garden", "in the castle garden", "to the castle garden", G | PP, "[behind a stone bench|in the rose hedge|beside the fountain|under a round bush]"},
    {"barn", "in the barn", "to the barn", D, "[in the straw|behind the old plow|up in the hayloft|under an empty sack]"},
    {"attic", "in the attic", "up to the attic", D | HI, "[behind an old trunk|under a dusty sheet|in a broken chair|beside the little window]"},
    {"rocky cliff", "on the rocky cliff", "up the rocky cliff", WI | HI | PK, "[behind a gray rock|in a crack of the stone|under a thorn bush|beside an eagle's nest]"},
    {"jungle", "in the jungle", "into the jungle", WI | D | G, "[under a giant leaf|behind a curtain of vines|at the foot of a palm tree|among the orchids]"},
    {"island", "on the island", "to the island", WI | WA, "[under a palm tree|behind a black rock|in the white sand|beside a heap of coconuts]"},
    {"swamp", "in the swamp", "to the swamp", WI | WA | D, "[on a muddy bank|under a crooked root|behind the tall rushes|beside a rotten log]"},
    {"valley", "in the valley", "down into the valley", WI | G, "[under a hazel bush|behind a stone wall|beside the brook|in the clover]"},
    {"school yard", "in the school yard", "to the school yard", PP, "[under the slide|behind the bicycle shed|beside the gate|under the chestnut tree]"},
    {"toy shop", "in the toy shop", "to the toy shop", PP, "[under the counter|behind a pile of boxes|on the lowest shelf|beside the door]"},
    {"library", "in the library", "to the library", PP, "[between two thick books|under a reading chair|behind the globe|on the lowest shelf]"},
    {"old mill", "at the old mill", "to the old mill", D | WA, "[behind the great wheel|under a flour sack|beside the stream|in a dusty corner]"},
    {"bridge", "at the bridge", "to the bridge", WA, "[under the first arch|between two stones|beside the railing|in the nettles]"},
    {"snowy field", "in the snowy field", "to the snowy field", WI, "[under a snowdrift|behind the white hedge|beside a frozen puddle|under a bare tree]"},
    {"bakery", "in the bakery", "to the bakery", PP, "[behind the flour bin|under the table|beside the warm oven|in an empty bread basket]"},
    {"harbor", "at the harbor", "to the harbor", PP | WA, "[behind a coil of rope|under a fishing net|between two barrels|on the old pier]"},
    {"wood", "in the wood", "into the wood", WI | D | G, "[under a holly bush|behind a fallen birch|in a hollow stump|among the mushrooms]"},
    {"waterfall", "at the waterfall", "to the waterfall", WI | WA, "[behind the falling water|on a wet ledge|among the ferns|under a smooth round stone]"},
    {"stable", "in the stable", "to the stable", D, "[in the hay|behind the saddle|under the manger|beside the oat bin]"},
    {"tower", "in the tower", "up the tower", HI | D, "[on the winding stairs|behind the great bell|under a loose stone|beside the narrow window]"},
    {"town square", "in the town square", "to the town square", PP, "[behind the fountain|under a cafe table|beside the clock tower|under the big tree]"},
    {"wheat field", "in the wheat field", "to the wheat field", G, "[behind the scarecrow|between two furrows|under a sheaf of wheat|among the poppies]"},
    {"cabbage patch", "in the cabbage patch", "to the cabbage patch", G, "[under the biggest cabbage|behind the scarecrow|in the soft earth|beside the fence]"},
    {"train station", "at the train station", "to the train station", PP, "[under a bench|behind a heavy suitcase|beside the ticket window|near the clock]"},
    {"lighthouse", "at the lighthouse", "to the lighthouse", WA | HI, "[on the winding stairs|behind the door|between the rocks|beside the great lamp]"},
    {"playground", "on the playground", "to the playground", PP | G, "[under the slide|in the sandbox|behind the swings|beside the climbing frame]"},
};
const uint32_t weir_story_n_places = COUNT(weir_story_places);

enum {
    FA = WEIR_STORY_FAIR, WD = WEIR_STORY_WIND, RA = WEIR_STORY_RAIN, SN = WEIR_STORY_SNOW,
    FOG = WEIR_STORY_FOG
};

const weir_story_weather weir_story_weathers[] = {
    {"sunny", FA, "[The sun was shining and the sky was blue.|The sun smiled down from a blue sky.]"},
    {"warm", FA, "[The air was warm and smelled of [flowers|hay|clover].|It was so warm that the bees hummed sleepily.]"},
    {"bright", FA, "[Everything sparkled in the bright sunshine.|The morning dew sparkled on the grass.]"},
    {"hot", FA, "[It was so hot that even the birds were quiet.|The sun burned, and everyone looked for shade.]"},
    {"quiet", FA, "[Not a leaf moved.|It was so quiet that you could hear a leaf fall.]"},
    {"fine", FA, "[There was not one cloud in the sky.|The birds were singing in every tree.]"},
    {"spring", FA, "[The first flowers were peeping out of the ground.|The trees wore their new green leaves.]"},
    {"summer", FA, "[The grass was high and the days were long.|Crickets were singing in the grass.]"},
    {"windy", WD, "[The wind was pulling at everything.|The wind blew and the trees bowed.|The wind whistled around the corners.]"},
    {"breezy", WD | FA, "[A fresh wind was chasing the clouds.|A merry little wind was blowing.]"},
    {"autumn", WD, "[Red and yellow leaves were dancing in the air.|The leaves were turning gold.]"},
    {"rainy", RA, "[The rain was drumming on the roofs.|Rain ran down the windows.|It rained and rained.]"},
    {"wet", RA, "[There were puddles everywhere.|Everything was dripping.]"},
    {"gray", RA, "[Gray clouds hung low over the hills.|It looked as if it would rain at any moment.]"},
    {"foggy", FOG, "[A white fog lay over everything.|The fog was as thick as soup.]"},
    {"misty", FOG, "[Mist was hanging between the trees.|A soft mist covered the fields.]"},
    {"snowy", SN, "[Big soft snowflakes were falling.|Snow covered everything like a white blanket.]"},
    {"frosty", SN, "[The frost had painted flowers on the windows.|The grass was stiff with frost.]"},
    {"cold", SN, "[It was so cold that every breath made a little cloud.|A cold wind came from the north.]"},
    {"winter", SN, "[Icicles hung from the roofs.|The puddles were frozen hard.]"},
};
const uint32_t weir_story_n_weathers = COUNT(weir_story_weathers);

const weir_story_feeling weir_story_feelings[] = {
    {"happy", "[happy|very happy|so happy]", "[smiled from ear to ear|laughed out loud|danced in a circle]", "everything had turned out well", true},
    {"proud", "[proud|very proud]", "[stood up very straight|held {his} head high|beamed]", "it had been done well", true},
    {"glad", "[glad|very glad|so glad]", "[nodded and smiled|gave a happy little jump|clapped]", "all was well", true},
    {"sad", "[sad|very sad|so sad]", "[hung {his} head|sighed a long sigh|wiped away a tear]", "something was lost", false},
    {"lonely", "[lonely|all alone|very lonely]", "[sat alone in a corner|looked at the empty path]", "nobody was there", false},
    {"afraid", "[afraid|scared|very frightened]", "[began to tremble|trembled from head to toe|wanted to hide]", "there was danger", false},
    {"worried", "[worried|very worried|uneasy]", "[walked up and down|could not sit still|bit {his} lip]", "something was wrong", false},
    {"angry", "[angry|very cross|furious]", "[stamped on the ground|frowned a dark frown]", "it was not fair", false},
    {"surprised", "[surprised|very surprised|astonished]", "[opened {his} eyes wide|could hardly believe it|stared]", "nobody had expected it", true},
    {"curious", "[curious|very curious]", "[came a little closer|leaned forward|wondered]", "there was something new", true},
    {"ashamed", "[ashamed|very sorry|ashamed of [himself|himself]]", "[looked at the ground|turned red]", "it had been wrong", false},
    {"tired", "[tired|very tired|sleepy]", "[yawned|rubbed {his} eyes]", "it had been a long day", true},
    {"excited", "[excited|very excited|too excited to sit still]", "[hopped up and down|could hardly wait]", "something good was coming", true},
    {"thankful", "[thankful|grateful|very thankful]", "[said thank you three times|gave a low bow]", "somebody had helped", true},
    {"jealous", "[jealous|a little jealous]", "[looked away|made a sour face]", "somebody else had it", false},
    {"brave", "[brave|very brave]", "[took a deep breath|stood firm]", "somebody needed help", true},
    {"hopeful", "[hopeful|full of hope]", "[looked up|smiled a small smile]", "there was a way", true},
    {"calm", "[calm|quite calm|peaceful]", "[breathed slowly|smiled quietly]", "the danger was over", true},
    {"disappointed", "[disappointed|very disappointed]", "[sighed|{his} shoulders sank]", "it had gone wrong", false},
    {"shy", "[shy|very shy]", "[looked at the ground|whispered]", "everybody was looking", false},
    {"hungry", "[hungry|very hungry]", "[rubbed {his} tummy|heard {his} tummy rumble]", "there was nothing to eat", false},
    {"cozy", "[warm and safe|cozy and warm]", "[curled up|snuggled down]", "it was warm", true},
    {"loved", "[loved|safe and loved]", "[snuggled close|smiled]", "friends were there", true},
    {"bored", "[bored|very bored]", "[yawned|kicked a stone]", "there was nothing to do", false},
    {"relieved", "[relieved|very relieved]", "[let out a long breath|sat down and laughed]", "it was over", true},
    {"confused", "[puzzled|confused]", "[scratched {his} head|looked around]", "nothing made sense", false},
    {"cheerful", "[cheerful|merry]", "[hummed a tune|whistled]", "it was a good day", true},
    {"important", "[important|very important]", "[walked in the middle of the path|lifted {his} chin]", "everybody needed help", true},
    {"homesick", "[homesick]", "[thought of home|looked back]", "home was far away", false},
    {"content", "[content|quite content]", "[smiled to {himself}|sat back]", "nothing was missing", true},
};
const uint32_t weir_story_n_feelings = COUNT(weir_story_feelings);

enum { GOOD = WEIR_STORY_GOOD, SOFT = WEIR_STORY_SOFT, BAD = WEIR_STORY_BAD,
       SOCIAL = WEIR_STORY_SOCIAL };

const weir_story_trait weir_story_traits[] = {
    {"brave", GOOD, "[{He} was not afraid of [thunder|the dark|the big owl|deep water].|When others hid, {he} stepped forward.|\"I am not very big,\" {he} [liked to say|often said], \"but I am brave.\"|{He} had a small voice but a big heart.|Nobody had ever seen {him} run away from anything.]",
     "[Everyone agreed that there was no braver {h.k} [in the whole land|far and wide].|Being brave does not mean that you are never afraid, and {h} knew that now.|And whenever somebody asked who the bravest of all was, they [pointed at|named] {h}.|It takes a brave heart to do such a thing, and {h} had one.]"},
    {"kind", GOOD, "[{He} always had a friendly word for everyone.|{He} never passed anyone who needed help.|If somebody was sad, {he} was the first to notice.|{He} shared whatever {he} had.]",
     "[A kind heart is worth more than gold, and {h} had one.|Kindness comes back to you, people say, and so it came back to {h}.|And everyone was glad to have such a kind {h.k} near.]"},
    {"clever", GOOD, "[{He} could find an answer to every riddle.|When others shouted, {he} sat down and thought.|{He} liked to know how things worked.|{His} head was always full of good ideas.]",
     "[\"What a clever {h.k}!\" everyone said.|And after that day, whoever had a problem came to {h} first.|A clever thought is sometimes better than strong arms.]"},
    {"curious", GOOD, "[{He} wanted to know everything.|{He} asked a hundred questions every day.|{He} looked under every stone and behind every door.|\"Why?\" was {his} favorite word.]",
     "[And tomorrow there would be something new to find out.|{H} still asked a hundred questions every day, and that was just right.|It is good to be curious, as long as you also know the way home.]"},
    {"cheerful", GOOD, "[{He} sang from morning till night.|{He} could make anyone laugh.|Even on rainy days {he} whistled a tune.]",
     "[And {h} sang all the way home.|And if you listen well, you can still hear {h} singing.|Once more {h} had a reason to sing.]"},
    {"gentle", GOOD, "[{He} never pushed and never shouted.|Even the butterflies were not afraid of {him}.|{He} spoke softly to everyone.]",
     "[A soft voice and a warm heart can do great things.|And nobody was ever afraid of gentle {h.n}.|Gentle as ever, {h} wished everyone good night.]"},
    {"shy", SOFT | SOCIAL, "[{He} was so shy that {he} hid when visitors came.|{He} spoke so quietly that hardly anyone heard {him}.|When somebody looked at {him}, {he} looked at the ground.|{He} wished {he} could talk to others, but the words would not come.]",
     "[And from that day on {h} was not quite so shy any more.|\"Hello,\" {h} said the next morning to everyone {he} met, and it was not hard at all.|{H} was still a little shy, but a little less every day.]"},
    {"lonely", SOFT | SOCIAL, "[{He} had no one to play with.|In the evenings {he} looked at the stars and wished for a friend.|{He} talked to {his} own shadow, because nobody else was there.]",
     "[And {h} was never lonely again.|That night {h} counted {his} friends instead of the stars.|From then on there was always somebody to talk to.]"},
    {"quiet", SOFT, "[{He} did not talk much, but {he} saw everything.|{He} liked to sit and listen to the wind.|Some forgot that {he} was there at all.]",
     "[{H} did not say much about it, but {he} smiled for a long time.|Even a quiet {h.k} can do great things.]"},
    {"clumsy", SOFT, "[{He} tripped over roots, stones and even {his} own feet.|Wherever {he} went, something fell over.|{He} once fell into the same puddle three times in one day.]",
     "[On the way home {h} tripped over a root, and everybody laughed, {h} too.|{H} still fell over now and then, but nobody minded, least of all {h.n} {himself}.]"},
    {"forgetful", SOFT, "[{He} forgot where {he} put things, and sometimes what day it was.|{He} tied knots into everything so that {he} would remember, but forgot what the knots were for.|Once {he} even forgot {his} own birthday.]",
     "[{H} forgot many things after that, but never this day.|And this time {h} did not forget to say thank you.]"},
    {"sleepy", SOFT, "[{He} could fall asleep anywhere, even standing up.|{He} yawned from morning till evening.|{He} loved {his} bed more than anything.]",
     "[Then {h} yawned a very big yawn, and in the next moment {he} was asleep.|And do you know what {h} did then? {He} took a long nap.]"},
    {"dreamy", SOFT, "[{He} watched the clouds and saw ships and castles in them.|{He} often walked past {his} own door, because {he} was thinking of something else.|{He} had a new dream every day.]",
     "[And sometimes, thought {h}, dreams come true.|That night {h} had the best dream of all.]"},
    {"hungry", SOFT, "[{He} thought about {h.food} all day long.|{His} tummy rumbled before breakfast, and after it too.|{He} could smell a pie three hills away.]",
     "[And then {h} ate a very big supper.|\"And now,\" said {h}, \"what is there to eat?\"]"},
    {"lazy", BAD, "[{He} liked to lie in the sun while others worked.|\"Tomorrow,\" {he} always said. \"I will do it tomorrow.\"|{He} never carried anything if somebody else could carry it.]",
     "[And nobody ever called {h} lazy again.|\"Work is not so bad,\" said {h}, \"when you do it together.\"|From that day on {h} was up before the sun.]"},
    {"greedy", BAD, "[{He} always took the biggest piece.|Whatever {he} saw, {he} wanted to have.|{He} hid {his} things so that nobody else could have them.]",
     "[From then on {h} gave away the biggest piece, and it made {him} happier than eating it.|{H} had learned that half of something can be better than all of it.]"},
    {"grumpy", BAD, "[{He} grumbled in the morning and {he} grumbled at night.|\"Go away,\" {he} said to everyone who knocked.|Nobody could remember when {he} had last smiled.]",
     "[And to everyone's surprise, {h} smiled.|{H} still grumbled sometimes, but only a little, and only on Mondays.|Nobody called {h} grumpy after that.]"},
    {"proud", BAD, "[{He} thought that nobody was as fine as {he} was.|{He} looked at {himself} in every puddle.|\"I am the best at everything,\" {he} told everyone.]",
     "[After that, {h} did not boast any more.|{H} had learned that others are good at things, too.]"},
    {"selfish", BAD, "[\"Mine!\" was the word {he} used most.|{He} never let anyone touch {his} things.|{He} liked to have everything for {himself}.]",
     "[And {his} favorite word was no longer \"mine\" but \"ours\".|{H} found that things are more fun when you share them.]"},
    {"naughty", BAD, "[{He} played a new trick on somebody every day.|If something was forbidden, {he} had to try it.|{He} tied people's shoelaces together and giggled.]",
     "[{H} still played tricks, but only the kind that make everyone laugh.|And from that day on {h} thought twice before every trick.]"},
    {"impatient", BAD, "[{He} could not wait for anything.|\"Is it ready yet? Is it ready now?\" {he} asked all day.|{He} opened presents before {his} birthday.]",
     "[And {h} had learned to wait, at least a little.|Good things take time, and now {h} knew it.]"},
    {"messy", BAD, "[{His} room looked as if a storm had passed through it.|{He} never put anything back in its place.|There were crumbs in {his} bed and socks in {his} soup bowl.]",
     "[From that day on everything had its place, and {h} always found what {he} looked for.|{H} looked around the tidy room and was very pleased.]"},
};
const uint32_t weir_story_n_traits = COUNT(weir_story_traits);

const weir_story_elder weir_story_elders[] = {
    {"owl", A | MG}, {"tortoise", A | MG}, {"toad", A | MG}, {"heron", A | MG}, {"stork", A},
    {"raven", A | MG}, {"mountain goat", A}, {"bullfrog", A}, {"sheepdog", A}, {"beetle", A},
    {"gardener", AD | C}, {"shopkeeper", AD | C}, {"sailor", AD | C}, {"miller", AD | C | MG},
    {"clockmaker", AD | C | MG}, {"shepherd", AD | C | MG}, {"fisherman", AD | C}, {"tailor", AD | C},
    {"teacher", C}, {"carpenter", AD | C | MG},
};
const uint32_t weir_story_n_elders = COUNT(weir_story_elders);
/* clang-format on */
