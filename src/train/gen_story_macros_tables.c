/*
 * gen_story_macros_tables.c: the patterns that all plots share: openings, side beats, closings, and
 * small turns of speech. gen_story.h lists the slots.
 */
#include "train/gen_story.h"

/* clang-format off */
const weir_story_macro weir_story_macros[] = {
    /* ---- openings: the hero's name may be missing in all but "open.named" */
    {"open", "[[Once upon a time|Once upon a time|Once|Long ago|A long time ago|Many years ago], there [was|lived] {h.intro}. {H} lived {h.live}."
             "|[Once upon a time|Once|Long ago], {h.intro} lived {h.live}."
             "|Once upon a time, {h.live}, there lived {h.intro}."
             "|There once was {h.intro} who lived {h.live}."
             "|There was once {h.intro}. {Home}"
             "|{H.live} lived {h.intro}."
             "|This is the story of {h.intro}. {H} lived {h.live}."
             "|Not so long ago, {h.intro} lived {h.live}."
             "|Far away, {h.live}, lived {h.intro}."
             "|Let me tell you about {h.intro}. {He} lived {h.live}."
             "|Do you know the story of {h.intro}? {He} lived {h.live}."
             "|{H.intro} lived {h.live}.]"},
    {"home", "[{his} home was [small|warm|quiet|old] but [cozy|friendly|just right].|{he} lived {h.live}.|{he} had lived {h.live} for as long as {he} could remember.]"},
    {"habit", "[Every morning {he} [looked out of the {h.home}|stretched and yawned|said good morning to the sun] and had {h.food} for breakfast."
              "|{He} loved {h.food} and [long naps|funny stories|rainy days|warm evenings]."
              "|What {he} liked best was {h.food}."
              "|{He} had a [warm|cozy|tidy] {h.home} and a [good friend or two|great many dreams|big appetite]."
              "|In the evening {he} liked to sit in front of the {h.home} and watch the [stars|clouds|sun go down]."
              "|{He} knew every [path|stone|bush] near {his} {h.home}."
              "|{His} days were all [quiet|much the same], and {he} liked them that way.]"},
    {"open1", "[Once upon a time, there was {h.intro}.|Once there was {h.intro}.|Long ago, there lived {h.intro}.|There once was {h.intro} who lived {h.live}.|{H.intro} lived {h.live}.]"},
    {"like1", "[{He} lived {h.live}.|{He} loved {h.food} more than anything.|Everyone in the [village|neighborhood] knew {him}.|{He} was always ready for an adventure.|Every morning {he} said hello to the sun.]"},

    /* ---- time */
    {"oneday", "[one day|one day|one morning|one {w} day|one {w} morning|one {w} afternoon]"},
    {"later", "[after a while|a little later|before long|soon|by and by|some time later]"},
    {"suddenly", "[suddenly|all at once|all of a sudden|just then|at that moment|in that moment]"},
    {"nextday", "[the next morning|the next day|early the next morning|when the sun came up again|the following day]"},
    {"evening", "[in the evening|that evening|when the sun went down|at the end of the day|as the first stars came out]"},
    {"night", "[that night|at bedtime|when it was dark|under the stars that night]"},
    {"atlast", "[at last|finally|in the end|after a long while]"},
    {"fromthen", "[from that day on|from then on|after that day|ever since that day]"},

    /* ---- speech: behind a comma and a quotation mark */
    {"thanks", "[Thank you|Thank you so much|Oh, thank you|Thank you from the bottom of my heart|Thanks a thousand times]"},
    {"oh", "[Oh|Oh no|Oh dear|Dear me|Goodness]"},
    {"look", "[Look|Look there|Oh, look|See that]"},
    {"ofcourse", "[Of course|Yes, of course|Gladly|With pleasure|Why not|Certainly]"},
    {"happily", "[happily|with a smile|cheerfully|and laughed|brightly]"},
    {"sadly", "[sadly|in a small voice|with tears in {his} eyes|quietly]"},
    {"softly", "[softly|in a low voice|gently|kindly]"},
    {"asked", "[asked|wondered]"},
    {"food", "[a warm apple pie|a bowl of hot soup|fresh bread with honey|a plate of pancakes|berry tart|a big pot of porridge|cinnamon buns|sweet plums|corn cakes|pumpkin soup|cherry cake|buttered toast]"},

    {"a.small", "[a yellow butterfly|a blue dragonfly|a dancing feather|a rolling chestnut|a shiny beetle|a red leaf in the wind|a soap bubble]"},
    {"rain.cake", "cakes"},
    {"rain.one", "cake"},
    {"waits.m", "[was waiting|was looking for {him}|held up a lamp]"},

    /* ---- side beats on the way */
    {"side.way", "[On the way {he} [met|passed] a [cricket|beetle|worm|caterpillar]. \"Where are you going [so fast|in such a hurry]?\" it asked. \"[I have no time to talk|I will tell you later|I am looking for something important],\" said {h}."
                 "|The path went [up and down|left and right|between two old walls|past a crooked signpost], and {h} [hummed a little song|counted {his} steps|looked at everything]."
                 "|A [blue|yellow|red] dragonfly flew beside {him} for a while, and that was nice company."
                 "|Once {he} had to climb over a fallen tree, and once {he} had to cross a [stream|brook] on three flat stones."
                 "|The wind [blew softly|smelled of rain|whispered in the trees], and the path grew [narrow|steep|stony]."
                 "|{He} stopped to rest on a [flat stone|tree stump] and ate [a handful of berries|a piece of bread|the last of {his} {h.food}]. Then {he} went on."
                 "|A [woodpecker|cuckoo] was calling somewhere far away. \"One, two, three,\" {h} counted, and walked a little faster."
                 "|It was [a long way|farther than {he} had thought], and {his} legs were getting tired. But {he} did not stop."
                 "|{He} came to a place where the path divided. {He} looked left, {he} looked right, and then {he} followed {his} nose."
                 "|A cloud came over the sun, and for a moment everything was [gray|still]. Then the light came back."
                 "|Two [beetles|grasshoppers] were having an argument by the side of the road, and {h} wished them a good day."
                 "|{He} walked past a field where [poppies|cornflowers|thistles] grew, and past a gate that creaked, and past a well.]"},
    /* ---- quiet side beats, anywhere by day */
    {"side.calm", "[High above, a [swallow|lark] was drawing circles in the sky."
                  "|{He} ate a little [bread|cheese pie|apple cake], because it is hard to think with an empty tummy."
                  "|A tiny beetle landed on {his} nose, sat there for a moment, and flew away."
                  "|Somewhere a [door|shutter] banged, and somebody laughed."
                  "|A [bumblebee|moth] came by, looked at everything, and hummed away again."
                  "|For a moment it was so quiet that {he} could hear {his} own heart."
                  "|The shadows of the clouds ran over the hills."
                  "|Two [sunbeams|leaves] were dancing on the wall, and {h} watched them for a moment."
                  "|It smelled of [fresh bread|wet earth|pine trees|hay], and that always made {h} feel better."
                  "|{He} scratched {his} head and thought for a while."
                  "|Far away a bell rang [three|four|five] times."
                  "|A caterpillar was eating a hole in a leaf, slowly and carefully, as if it had all the time in the world.]"},

    /* ---- closings */
    {"close.any", "[And {h} lived happily ever after."
                  "|And they all lived happily ever after."
                  "|{Night}, {h} fell asleep with a smile."
                  "|{Night}, {h} lay in bed and thought about the day. It had been a [good|very good|wonderful] one."
                  "|{H} often told this story later, and everyone always wanted to hear it again."
                  "|And if you [ever come|walk] past the place where {h} lives, {he} will tell you the story {himself}."
                  "|It was a day that {h} would never forget."
                  "|\"What a day!\" said {h}, and {he} went home to {his} {h.home}."
                  "|{Evening}, {h} sat in front of the {h.home} and was [content|quite content|happy]."
                  "|{H} went home, ate some {h.food}, and slept until late in the morning."
                  "|And all was well again."
                  "|Even the [stars|moon] seemed to smile that night.]"},
    {"close.friend", "[And {h} and {f} were friends [for ever|for the rest of their lives]."
                     "|{Fromthen}, {h} and {f} were the best of friends."
                     "|{Fromthen}, wherever {h.n} went, {f.n} went too."
                     "|The next day {h} and {f} met again, and the day after that, and the day after that."
                     "|\"See you tomorrow,\" said {f}. \"See you tomorrow,\" said {h}, and they both meant it."
                     "|{Evening}, {h} and {f} sat side by side and watched the [stars|sunset|moon]. They did not need to say anything."
                     "|And if they are not too old by now, {h} and {f} still play together today."
                     "|There is nothing better than a good friend, thought {h}, and {f} thought so, too.]"},
    {"close.thing", "[{Fromthen}, {h} took good care of {o}."
                    "|And {o.full}? {H} has it to this day."
                    "|{Night}, {h} put {o} beside {his} bed and looked at it until {his} eyes closed."
                    "|{H} kept {o.full} for ever, and it always made {him} smile."
                    "|Whenever {h} looked at {o}, {he} remembered that day.]"},
    {"close.sad", "[{H} was sad for a long time. But sometimes, when {he} thought of it, {he} smiled a little."
                  "|{Night}, {h} cried, and that was all right, because some things are sad."
                  "|It was a sad day, and {h} never forgot it."
                  "|The house was very quiet that evening.]"},
    {"close1", "[And {h} lived happily ever after.|{Night}, {h} fell asleep with a smile.|It was a day that {h} would never forget.|And all was well again.|{Evening}, {h} told the whole story at home.|{Fromthen}, {h} was a little wiser.]"},
    {"close1.sad", "[{H} was sad for a long time.|{Night}, {h} cried in {his} bed.|It was a sad day, and {h} never forgot it.|The house was very quiet that evening.]"},
};
/* clang-format on */
const uint32_t weir_story_n_macros =
    (uint32_t)(sizeof(weir_story_macros) / sizeof(weir_story_macros[0]));
